import {basename} from 'node:path'

import {Args, Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../../cli/base.ts'
import {bytes} from '../../cli/format.ts'
import {outputTarget} from '../../cli/output.ts'
import {exportModel, type ExportedModel} from '../../core/model/export-model.ts'
import {suggest, synopsis} from '../../core/suggestion.ts'

export default class ModelExport extends CloudRunnerCommand {
  static override summary = 'Save the model behind a result, to score other files with it.'
  static override description = `Pass it to "upload --model". Rows without a label get exactly the probabilities that the training run gave them, bit for bit. docs/model.md describes the file.`
  static override examples = [
    {
      description: 'Train on one file, score another',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv --output model.json',
    },
    {
      description: 'Look at it',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv --output - | head',
    },
  ]
  static override args = {
    object: Args.string({
      description: 'name of the object that trained the model',
      required: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    output: Flags.string({
      char: 'o',
      summary: 'Where to write the model; - is standard output. The default is <object>.model.json.',
      helpValue: '<file>',
    }),
    force: Flags.boolean({summary: 'Overwrite an existing file.'}),
  }

  override async run(): Promise<ExportedModel> {
    const {args, flags} = await this.parse(ModelExport)
    const output = outputTarget(flags.output ?? `${basename(args.object)}.model.json`, {
      force: flags.force,
      json: this.jsonEnabled(),
    })
    const config = await this.configure(flags)
    await using target = await this.open(config, {create: false})
    const exported = await exportModel({object: args.object, output}, target.context())
    if ('file' in output) {
      this.print([
        `Written: ${exported.file} (${bytes(exported.sizeBytes)})`,
        this.render(suggest`Score a file with it: ${synopsis('upload', 'FILE', '--model', exported.file)}`),
      ])
    }
    return exported
  }
}
