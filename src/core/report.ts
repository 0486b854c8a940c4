import type {Report} from '../../worker/contract.ts'
import type {Context} from './ports/context.ts'
import {AppError} from './errors.ts'
import {readJson} from './files/commits.ts'
import {findSidecar} from './results/sidecar.ts'
import {command, commandFor, suggest} from './suggestion.ts'

/**
 * Reads the report of an object's result.
 * @throws AppError as {@link findSidecar}; `report-unreadable` if it is not in the worker's format
 */
export async function readReport(object: string, context: Context): Promise<Report> {
  const stored = await findSidecar(object, 'report.json', context)
  const report: unknown = await readJson(context.cloud.objects, stored, context.signal)
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

function isReport(value: unknown): value is Report {
  if (typeof value !== 'object' || value === null || !('format' in value) || !('version' in value))
    return false
  return value.format === 'cloud-runner/report' && value.version === 1
}
