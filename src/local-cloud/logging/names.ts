import {ApiError} from '../wire/api-error.ts'

const PARENT = /^(?:projects|organizations|billingAccounts|folders)\/[^/]+/
const PARENT_OR_VIEW = new RegExp(`${PARENT.source}(?:/locations/[^/]+/buckets/[^/]+/views/[^/]+)?$`)
/** Percent-encoded log ids of less than 512 characters (google.logging.v2.LogEntry.log_name). */
const LOG_NAME = new RegExp(`(${PARENT.source})/logs/[A-Za-z0-9_.%-]{1,511}$`)

/**
 * The parent `projects/P` of a log `projects/P/logs/ID`.
 * @throws ApiError INVALID_ARGUMENT if it is not a log name
 */
export function parentOfLog(logName: string): string {
  const [, parent] = LOG_NAME.exec(logName) ?? []
  if (parent === undefined) {
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Invalid log name ${JSON.stringify(logName)}: it has the form projects/PROJECT/logs/LOG with LOG percent-encoded.`,
    )
  }
  return parent
}

/**
 * The parent `projects/P` of a resource to read logs from: itself, or a log view's (every view shows all entries here).
 * @throws ApiError INVALID_ARGUMENT if it is neither
 */
export function parentOfResource(resourceName: string): string {
  const parent = PARENT_OR_VIEW.test(resourceName) ? PARENT.exec(resourceName)?.[0] : undefined
  if (parent === undefined) {
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Invalid resource name ${JSON.stringify(resourceName)}: it has the form projects/PROJECT or names a log view in one.`,
    )
  }
  return parent
}

/** https://cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list */
const MOST_RESOURCES = 100

/**
 * The parents of `resourceNames`, each once.
 * @throws ApiError INVALID_ARGUMENT if there are none, too many, or one is not a resource to read logs from
 */
export function parentsOfResources(resourceNames: readonly string[]): string[] {
  if (resourceNames.length === 0)
    throw new ApiError(
      'INVALID_ARGUMENT',
      'At least one resource name is required, such as projects/PROJECT.',
    )
  if (resourceNames.length > MOST_RESOURCES) {
    throw new ApiError(
      'INVALID_ARGUMENT',
      `${resourceNames.length} resource names were given; at most ${MOST_RESOURCES} are allowed.`,
    )
  }
  return [...new Set(resourceNames.map(parentOfResource))]
}
