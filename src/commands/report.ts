import {basename} from 'node:path'

import {Args, Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {usageError} from '../cli/failure.ts'
import {bytes} from '../cli/format.ts'
import {openInBrowser} from '../cli/open.ts'
import {outputTarget} from '../cli/output.ts'
import {prepareOutput, writeOutput} from '../core/output.ts'
import {readReport} from '../core/report.ts'

interface Reported {
  readonly object: string
  /** Absolute; `-` for standard output. */
  readonly file: string
  readonly sizeBytes: number
}

export default class Report extends CloudRunnerCommand {
  static override summary = 'Draw the quality of a result as an HTML page.'
  static override description = `Shows ROC and precision-recall curves, calibration, predicted probabilities, the confusion matrix, coefficients with intervals, and how the model was trained. The page is self-contained: no scripts, no requests. The same data is in report.json beside the result.`
  static override examples = [
    {
      description: 'Open it in the browser',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv --open',
    },
    {
      description: 'Write it to another file, replacing the last one',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv --output quality.html --force',
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
      summary: 'Where to write the page; - is standard output. The default is <object>.report.html.',
      helpValue: '<file>',
    }),
    open: Flags.boolean({summary: 'Open the page in the browser.'}),
    force: Flags.boolean({summary: 'Overwrite an existing file.'}),
  }

  override async run(): Promise<Reported> {
    const {args, flags} = await this.parse(Report)
    const toStdout = flags.output === '-'
    if (toStdout && flags.open) {
      throw usageError('--open needs a file, but --output - writes to standard output.', [
        'Write to a file: --output report.html',
      ])
    }
    const output = outputTarget(flags.output ?? `${basename(args.object)}.report.html`, {
      force: flags.force,
      json: this.jsonEnabled(),
    })
    const config = await this.configure(flags)
    await prepareOutput(output)
    await using target = await this.open(config, {create: false})
    const report = await readReport(args.object, target.context())
    // The drawing library loads slowly: only a report that exists waits for it.
    const {reportPage} = await import('../report-page/page.ts')
    const {file, sizeBytes} = await writeOutput([reportPage(report)], output, this.signal)
    if (toStdout) return {object: args.object, file, sizeBytes}
    this.print([`Written: ${file} (${bytes(sizeBytes)})`])
    if (flags.open) await openInBrowser(file, process.env)
    return {object: args.object, file, sizeBytes}
  }
}
