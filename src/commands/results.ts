import {resolve} from 'node:path'
import {Args, Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {outputTarget} from '../cli/output.ts'
import {showResults} from '../cli/show-results.ts'
import {EXIT} from '../core/errors.ts'
import {results, type Results as FileResults} from '../core/results/results.ts'

export default class Results extends CloudRunnerCommand {
  static override summary = 'Show the result of a file, or save it.'
  static override description = `Exits with 3 if the result is an error or the file is a dead letter.`
  static override examples = [
    {
      description: 'The model, its quality, and the first predictions',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv',
    },
    {
      description: 'Save the whole result',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv --output predictions.csv',
    },
    {
      description: 'Save every output of a worker that writes several',
      command: '<%= config.bin %> <%= command.id %> invoice.pdf --output invoices/',
    },
    {
      description: 'Pipe it into another program',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv --output - | head',
    },
  ]
  static override args = {
    object: Args.string({
      description: 'name of the uploaded object',
      required: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    output: Flags.string({
      char: 'o',
      summary:
        'Where to write the result; - is standard output. Several outputs need a folder, such as out/.',
      helpValue: '<file>',
    }),
    force: Flags.boolean({summary: 'Overwrite an existing file.'}),
  }

  override async run(): Promise<FileResults> {
    const {args, flags} = await this.parse(Results)
    const json = this.jsonEnabled()
    const output =
      flags.output === undefined
        ? undefined
        : /[\\/]$/.test(flags.output)
          ? {folder: resolve(flags.output), force: flags.force}
          : outputTarget(flags.output, {force: flags.force, json})
    const config = await this.configure(flags)
    await using target = await this.open(config, {create: false})
    const result = await results({object: args.object, ...(output && {output})}, target.context())
    if (result.file.state !== 'done') process.exitCode = EXIT.fileFailed
    if (flags.output !== '-') this.print(showResults(result, this.render))
    else if (result.file.state !== 'done') this.explain(showResults(result, this.render))
    return result
  }
}
