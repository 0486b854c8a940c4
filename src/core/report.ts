import type {Report} from '../../worker/contract.ts'
import type {Context} from './ports/context.ts'
import {AppError, EXIT} from './errors.ts'
import {openRunObject, readRun} from './history/run.ts'
import type {Run} from './history/runs.ts'
import type {StoredObject} from './ports/objects.ts'
import {isReport} from './results/is-report.ts'
import {findSidecar} from './results/sidecar.ts'
import {command, commandFor, suggest} from './suggestion.ts'

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
