import {LABEL_VALUE} from '../labels.ts'
import {ApiError} from '../wire/api-error.ts'

const RESERVED_NAMESPACES =
  /^(?:[^/]*\.)?(?:run\.googleapis\.com|cloud\.googleapis\.com|serving\.knative\.dev|autoscaling\.knative\.dev)\//

/** The error of Cloud Run for an invalid resource; `field` as in the proto file. */
export function violation(field: string, problem: string): ApiError {
  return new ApiError('INVALID_ARGUMENT', `Violation in ${field}: ${problem}.`, [
    {'@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [{field, description: problem}]},
  ])
}

/** https://cloud.google.com/run/docs/configuring/services/labels; gcloud's own have a prefix, as in Knative. */
const LABEL_KEY = /^(?:[a-z0-9.-]+\/)?[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u

/** @throws ApiError INVALID_ARGUMENT */
export function validateLabels(field: string, labels: Readonly<Record<string, string>> = {}): void {
  rejectReserved(field, labels)
  for (const [key, value] of Object.entries(labels)) {
    if (!LABEL_KEY.test(key) || !LABEL_VALUE.test(value))
      throw violation(
        field,
        `"${key}": "${value}" may have only lowercase letters, digits, hyphens and underscores, at most 63 each, and the key must begin with a letter`,
      )
  }
}

/** Rejects labels and annotations in the system's namespaces. @throws ApiError INVALID_ARGUMENT */
export function rejectReserved(field: string, labels: Readonly<Record<string, string>> = {}): void {
  for (const key of Object.keys(labels)) {
    if (RESERVED_NAMESPACES.test(key))
      throw violation(field, `"${key}" is in a namespace reserved for the system`)
  }
}
