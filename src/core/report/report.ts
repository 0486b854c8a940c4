import type {Report} from '../../../worker/contract.ts'
import type {Context} from '../context.ts'
import {AppError} from '../errors.ts'
import {readJson} from '../pipeline/commits.ts'
import {findSidecar} from '../results/sidecar.ts'

/** Fields that a page is made of; what they hold is the worker's contract. */
const FIELDS = ['rows', 'label', 'metrics', 'classes', 'confusion', 'curves', 'coefficients', 'model']

/**
 * Reads the report of an object's result.
 * @throws AppError as {@link findSidecar}; `report-unreadable` where it is not one that a page can be made of
 */
export async function readReport(object: string, context: Context): Promise<Report> {
  const stored = await findSidecar(object, 'report.json', context)
  const report: unknown = await readJson(context.cloud.objects, stored, context.signal)
  if (isReport(report)) return report
  throw new AppError(
    `The report of ${object}, gs://${stored.bucket}/${stored.name}, is not one of this version's worker.`,
    {
      code: 'report-unreadable',
      suggestions: [
        `Have it made anew: cloud-runner deploy && cloud-runner reprocess ${object}`,
        `Or see the result: cloud-runner results ${object}`,
      ],
    },
  )
}

function isReport(value: unknown): value is Report {
  return typeof value === 'object' && value !== null && FIELDS.every((field) => field in value)
}
