import {Flags} from '@oclif/core'
import {wholeNumberFlag} from '../cli/flags.ts'
import {CloudRunnerCommand} from '../cli/base.ts'
import {bytes, counted} from '../cli/format.ts'
import {outputTarget} from '../cli/output.ts'
import {prepareOutput, writeOutput} from '../core/output.ts'
import {generateSample, SAMPLE_ROWS, SAMPLE_SEED} from '../core/sample/index.ts'
import {command, suggest} from '../core/suggestion.ts'

interface Sample {
  readonly file: string
  readonly rows: number
  readonly seed: number
  readonly sizeBytes: number
}

export default class SampleCommand extends CloudRunnerCommand {
  static override isAboutPipeline = false
  static override summary = 'Write a synthetic financial_statements.csv to try things with.'
  static override description = `No company in it is real. The same --rows and --seed always give the same file. The column "bankrupt" is empty in the rows to predict.`
  static override examples = [
    {description: 'Write financial_statements.csv here', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'Upload a large one without saving it',
      command:
        '<%= config.bin %> <%= command.id %> --rows 100000 --output - | <%= config.bin %> upload - --name large.csv --label-column bankrupt',
    },
  ]
  static override flags = {
    rows: wholeNumberFlag({summary: 'Number of companies.', default: SAMPLE_ROWS, min: 1}),
    seed: wholeNumberFlag({
      summary: 'Seed of the random numbers.',
      default: SAMPLE_SEED,
      min: 0,
    }),
    output: Flags.string({
      char: 'o',
      summary: 'Where to write the sample; - is standard output.',
      default: 'financial_statements.csv',
      helpValue: '<file>',
    }),
    force: Flags.boolean({summary: 'Overwrite an existing file.'}),
  }

  override async run(): Promise<Sample | undefined> {
    const {flags} = await this.parse(SampleCommand)
    const {rows, seed, force} = flags
    const sample = generateSample({rows, seed})
    const output = outputTarget(flags.output, {force, json: this.jsonEnabled()})
    await prepareOutput(output)
    const {file, sizeBytes} = await writeOutput(sample, output, this.signal)
    if ('stream' in output) return undefined
    this.print([
      `${file}: ${counted(rows, 'row')}, ${bytes(sizeBytes)}, synthetic (seed ${seed})`,
      this.render(suggest`Next: ${command('upload', flags.output, '--label-column', 'bankrupt', '--wait')}`),
    ])
    return {file, rows, seed, sizeBytes}
  }
}
