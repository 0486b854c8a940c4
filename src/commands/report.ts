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
  static override summary = "Draw a result's quality as one HTML page."
  static override description = `ROC and precision-recall curves, calibration, the probabilities given, confusion matrix, coefficients with their intervals, and how it was all made. The page stands by itself: no script, no request. The same as JSON: report.json beside the result.`
  static override examples = [
    {
      description: 'Look at it',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv --open',
    },
    {
      description: 'Into a file of another name, over the last one',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv --output quality.html --force',
    },
  ]
  static override args = {
    object: Args.string({
      description: 'name of the object that was uploaded',
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
    open: Flags.boolean({summary: 'Show the page in the browser.'}),
    force: Flags.boolean({summary: 'Overwrite the file that is there.'}),
  }

  override async run(): Promise<Reported> {
    const {args, flags} = await this.parse(Report)
    const toStdout = flags.output === '-'
    if (toStdout && flags.open) {
      throw usageError('--output - leaves no file for --open.', ['Name a file: --output report.html'])
    }
    const output = outputTarget(flags.output ?? `${basename(args.object)}.report.html`, {
      force: flags.force,
      json: this.jsonEnabled(),
    })
    const config = await this.configure(flags)
    await prepareOutput(output)
    await using target = await this.open(config, {create: false})
    const report = await readReport(args.object, target.context())
    // Drawing takes a library that no other command, nor a report that is not there, should wait for.
    const {reportPage} = await import('../report-page/page.ts')
    const {file, sizeBytes} = await writeOutput([reportPage(report)], output, this.signal)
    if (toStdout) return {object: args.object, file, sizeBytes}
    this.print([`Written: ${file} (${bytes(sizeBytes)})`])
    if (flags.open) await openInBrowser(file, process.env)
    return {object: args.object, file, sizeBytes}
  }
}
