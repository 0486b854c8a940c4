import type {Report} from '../../../worker/contract.ts'
import {isJsonObject} from '../json.ts'

/** Whether a `report.json` is in the format of this version: a worker of your own may write anything there. */
export function isReport(value: unknown): value is Report {
  return (
    isJsonObject(value) &&
    value['format'] === 'cloud-runner/report' &&
    value['version'] === 1 &&
    isJsonObject(value['rows']) &&
    isJsonObject(value['metrics']) &&
    Array.isArray(value['coefficients'])
  )
}
