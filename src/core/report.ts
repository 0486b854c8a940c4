import type {Report} from '../../worker/contract.ts'
import type {Context} from './ports/context.ts'
import {AppError, EXIT} from './errors.ts'
import type {FileStatus} from './files/files.ts'
import {openRunObject, readRun} from './history/run.ts'
import type {Run} from './history/runs.ts'
import type {StoredObject} from './ports/objects.ts'
import {writeOutput} from './output.ts'
import {eachOf} from './parallel.ts'
import {isReport} from './results/is-report.ts'
import {placeIn, type OutputFolder} from './results/outputs.ts'
import {findSidecar} from './results/sidecar.ts'
import {command, commandFor, suggest} from './suggestion.ts'

const PAGES_AT_ONCE = 4

export interface SavedReport {
  readonly object: string
  /** Absolute; `-` for standard output. */
  readonly file: string
  readonly sizeBytes: number
}

export interface ManyReports {
  readonly reports: readonly SavedReport[]
  /** Files without a report, each with the reason. */
  readonly missing: readonly {readonly object: string; readonly reason: string}[]
}

/**
 * Reads the report of an object's result.
 * @param run as `history` counts; `undefined`: the newest
 * @throws AppError as {@link findSidecar}, `run-unknown`; `report-unreadable` if it is not in the worker's format
 */
export async function readReport(object: string, context: Context, run?: number): Promise<Report> {
  const stored = await (run === undefined
    ? findSidecar(object, 'report.json', context)
    : findReportOfRun(object, await readRun(object, run, context), context))
  return parseReport(object, stored, context)
}

/** The report of a run. @throws AppError `result-missing` if it has none; `report-unreadable` */
export async function readReportOfRun(object: string, run: Run, context: Context): Promise<Report> {
  return parseReport(object, await findReportOfRun(object, run, context), context)
}

/**
 * Draws the reports of files, several at a time, and writes each page into a folder as `<object>.report.html`. Reports
 * every file that is through.
 * @returns in the order of `files`; `exitCode` is 3 if one has no report since it failed
 * @throws AppError as {@link readReport} but for `result-missing`; `output-exists` without force, `output-unwritable`
 */
export async function saveReports(
  files: readonly Pick<FileStatus, 'object'>[],
  {folder, force}: OutputFolder,
  draw: (report: Report) => string,
  context: Context,
): Promise<ManyReports & {readonly exitCode: number}> {
  const written = new Map<string, SavedReport>()
  const missing = new Map<string, AppError>()
  await eachOf(files, PAGES_AT_ONCE, async ({object}) => {
    try {
      const page = draw(await readReport(object, context))
      const file = await placeIn(folder, `${object}.report.html`)
      written.set(object, {object, ...(await writeOutput([page], {file, force}, context.signal))})
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'result-missing')) throw error
      missing.set(object, error)
    }
    context.step(object)
  })
  const inOrder = <T>(of: ReadonlyMap<string, T>) => files.flatMap(({object}) => of.get(object) ?? [])
  return {
    reports: inOrder(written),
    missing: files.flatMap(({object}) => {
      const error = missing.get(object)
      return error === undefined ? [] : [{object, reason: error.message}]
    }),
    exitCode: inOrder(missing).some(({exitCode}) => exitCode === EXIT.fileFailed) ? EXIT.fileFailed : 0,
  }
}

async function findReportOfRun(object: string, run: Run, context: Context): Promise<StoredObject> {
  if (run.report !== undefined) return openRunObject(run, run.report, context)
  const reason =
    run.outcome === 'done'
      ? 'its worker wrote none, or it was replaced'
      : `it ${run.outcome === 'failed' ? 'failed' : 'was cancelled'}`
  throw new AppError(`Run ${run.number} of ${object} has no report: ${reason}.`, {
    code: 'result-missing',
    ...(run.outcome === 'done' ? {} : {exitCode: EXIT.fileFailed}),
    suggestions: [suggest`See its runs: ${commandFor('history', object)}`],
  })
}

async function parseReport(object: string, stored: StoredObject, context: Context): Promise<Report> {
  const report: unknown = await context.cloud.objects.readJson(stored)
  if (isReport(report)) return report
  throw new AppError(
    `The report of ${object}, gs://${stored.bucket}/${stored.name}, is not in the format that this version reads (cloud-runner/report, version 1).`,
    {
      code: 'report-unreadable',
      suggestions: [
        suggest`Create it again: ${command('deploy')} && ${commandFor('reprocess', object)}`,
        suggest`Or see the result: ${commandFor('results', object)}`,
      ],
    },
  )
}
