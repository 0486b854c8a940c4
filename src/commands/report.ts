import {basename, resolve} from 'node:path'

import {Args, Flags} from '@oclif/core'

import {wholeNumberFlag} from '../cli/flags.ts'
import {CloudRunnerCommand} from '../cli/base.ts'
import {usageError} from '../cli/failure.ts'
import {bytes, counted} from '../cli/format.ts'
import {openInBrowser, type OpenTarget} from '../cli/targets.ts'
import {outputTarget} from '../cli/output.ts'
import {progressOf} from '../cli/progress.ts'
import {readSelection} from '../core/files/select.ts'
import {prepareOutput, writeOutput} from '../core/output.ts'
import {readReport, saveReports, type ManyReports, type SavedReport} from '../core/report.ts'
import {selectResults} from '../core/results/many-results.ts'
import type {OutputFolder} from '../core/results/outputs.ts'
import {again, suggest, synopsis} from '../core/suggestion.ts'

export default class Report extends CloudRunnerCommand {
  static override summary = 'Draw the quality of results as HTML pages.'
  static override description = `Shows ROC and precision-recall curves, calibration, predicted probabilities, the confusion matrix, coefficients with intervals, and how the model was trained. The page is self-contained: no scripts, no requests. The same data is in report.json beside the result. Of several files, it writes one page each into a folder, and lists those without a report; it exits with 3 if one failed.`
  static override examples = [
    {
      description: 'Open it in the browser',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv --open',
    },
    {
      description: 'Write it to another file, replacing the last one',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv --output quality.html --force',
    },
    {
      description: 'Every file of a folder',
      command: '<%= config.bin %> <%= command.id %> statements/ --output quality/',
    },
  ]
  static override args = {
    object: Args.string({
      description: 'name of an uploaded object, a folder/ or a glob',
      required: true,
      multiple: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    output: Flags.string({
      char: 'o',
      summary:
        'Where to write the page; - is standard output. The default is <object>.report.html. Several pages need a folder, such as out/.',
      helpValue: '<file>',
    }),
    run: wholeNumberFlag({
      summary: 'Number of the run, from history; one file only.',
      min: 1,
    }),
    open: Flags.boolean({summary: 'Open the page in the browser.'}),
    force: Flags.boolean({summary: 'Overwrite existing files.'}),
  }

  override async run(): Promise<SavedReport | ManyReports> {
    const {args, flags} = await this.parse(Report)
    const objects = [...new Set([args.object].flat())]
    const [object = ''] = objects
    const toStdout = flags.output === '-'
    if (toStdout && flags.open) {
      throw usageError('--open needs a file, but --output - writes to standard output.', [
        'Write to a file: --output report.html',
      ])
    }
    const output = outputTarget(flags.output ?? `${basename(object)}.report.html`, {
      force: flags.force,
      json: this.jsonEnabled(),
    })
    const config = await this.configure(flags)
    await using target = await this.open(config, {create: false})
    if (objects.length > 1 || (await readSelection(objects, target.context())).patterns.length > 0) {
      if (flags.run !== undefined) {
        throw usageError('--run selects a run of one file; several are named.', [
          suggest`Name that file: ${synopsis('report', 'OBJECT', '--run', String(flags.run))}`,
        ])
      }
      if (flags.output === undefined || !/[\\/]$/.test(flags.output) || flags.open) {
        throw usageError('Several pages need a folder, and cannot be opened at once.', [
          suggest`Save them: ${again('--output', 'reports/')}`,
        ])
      }
      return this.#several(objects, {folder: resolve(flags.output), force: flags.force}, target)
    }
    await prepareOutput(output)
    const report = await readReport(object, target.context(), flags.run)
    // The drawing library loads slowly: only a report that exists waits for it.
    const {reportPage} = await import('../report-page/page.ts')
    const {file, sizeBytes} = await writeOutput([reportPage(report)], output, this.signal)
    if (toStdout) return {object, file, sizeBytes}
    this.print([`Written: ${file} (${bytes(sizeBytes)})`])
    if (flags.open) await openInBrowser(file, process.env)
    return {object, file, sizeBytes}
  }

  async #several(
    objects: readonly string[],
    output: OutputFolder,
    target: Pick<OpenTarget, 'context'>,
  ): Promise<ManyReports> {
    const files = await selectResults(objects, target.context())
    const {reportPage} = await import('../report-page/page.ts')
    const {exitCode, ...saved} = await this.task(`Draw ${counted(files.length, 'report')}`, (step) =>
      saveReports(files, output, reportPage, target.context(progressOf(step, files.length).finished)),
    )
    if (exitCode !== 0) process.exitCode = exitCode
    this.print([
      ...saved.missing.map(({reason}) => reason),
      `Written: ${counted(saved.reports.length, 'page')} to ${output.folder}`,
    ])
    return saved
  }
}
