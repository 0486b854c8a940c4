import {ApiError} from '../wire/api-error.ts'

const RESERVED_NAMESPACES =
  /^(?:[^/]*\.)?(?:run\.googleapis\.com|cloud\.googleapis\.com|serving\.knative\.dev|autoscaling\.knative\.dev)\//

/** The error of Cloud Run for an invalid resource; `field` as in the proto file. */
export function violation(field: string, problem: string): ApiError {
  return new ApiError('INVALID_ARGUMENT', `Violation in ${field}: ${problem}.`, [
    {'@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [{field, description: problem}]},
  ])
}

/** Rejects labels and annotations in the system's namespaces. @throws ApiError INVALID_ARGUMENT */
export function rejectReserved(field: string, labels: Readonly<Record<string, string>> = {}): void {
  for (const key of Object.keys(labels)) {
    if (RESERVED_NAMESPACES.test(key))
      throw violation(field, `"${key}" is in a namespace reserved for the system`)
  }
}
