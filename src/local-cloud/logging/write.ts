import type {AccessControl} from '../iam/access.ts'
import type {State} from '../state/state.ts'
import {ApiError, toApiError} from '../wire/api-error.ts'
import type {Call} from '../wire/call.ts'
import type {Clock} from '../wire/clock.ts'
import type {CompleteEntry, Entries} from './entries.ts'
import type {LogEntry} from './log-sink.ts'
import {parentOfLog} from './names.ts'

/** https://cloud.google.com/logging/quotas */
const LARGEST_ENTRY_BYTES = 256 * 1024
const MOST_LABELS = 64
export const RETENTION_MS = 30 * 24 * 3_600_000
/** google.logging.v2.LogEntry.timestamp: how far an entry may lie in the future. */
const FUTURE_MS = 24 * 3_600_000

/** google.logging.v2.WriteLogEntriesRequest in JSON. */
interface WriteRequest {
  logName?: string
  resource?: LogEntry['resource']
  labels?: Record<string, string>
  entries?: Partial<LogEntry>[]
  partialSuccess?: boolean
  dryRun?: boolean
}

/** WriteLogEntries: all entries or none, unless `partialSuccess`; durable when it answers. */
export function createWriter({
  state,
  clock,
  access,
  entries,
  complete,
  written,
}: {
  state: State
  clock: Clock
  access: AccessControl
  entries: Entries
  complete: (entry: LogEntry) => CompleteEntry
  written: (entries: readonly CompleteEntry[]) => void
}): (request: WriteRequest, call: Call) => Promise<object> {
  return async (request, call) => {
    const valid: CompleteEntry[] = []
    const errors = new Map<number, ApiError>()
    for (const [index, partial] of (request.entries ?? []).entries()) {
      try {
        const entry = withDefaults(partial, request)
        access.require(call.principal, 'logging.logEntries.create', parentOfLog(entry.logName))
        checkLimits(entry, clock.now())
        valid.push(complete(entry))
      } catch (error) {
        errors.set(index, toApiError(error))
      }
    }
    const [firstError] = errors.values()
    if (firstError && !request.partialSuccess) throw firstError
    if (!request.dryRun) written(await state.write(() => entries.insert(valid)))
    if (firstError) throw partialError(firstError, errors)
    return {}
  }
}

function withDefaults(partial: Partial<LogEntry>, request: WriteRequest): LogEntry {
  const logName = partial.logName === undefined || partial.logName === '' ? request.logName : partial.logName
  const resource = partial.resource ?? request.resource
  if (logName === undefined)
    throw new ApiError('INVALID_ARGUMENT', 'A log name must be specified for each log entry.')
  if (resource?.type === undefined || resource.type === '') {
    throw new ApiError('INVALID_ARGUMENT', 'A monitored resource must be specified for each log entry.')
  }
  const labels = {...request.labels, ...partial.labels}
  return {
    ...partial,
    logName,
    resource: {...resource, labels: resource.labels ?? {}},
    ...(Object.keys(labels).length > 0 ? {labels} : {}),
  }
}

function checkLimits(entry: LogEntry, now: number): void {
  const labels = Object.keys(entry.labels ?? {}).length
  if (labels > MOST_LABELS)
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Log entry has ${labels} labels; at most ${MOST_LABELS} are allowed.`,
    )
  const bytes = Buffer.byteLength(JSON.stringify(entry))
  if (bytes > LARGEST_ENTRY_BYTES) {
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Log entry with size ${bytes} bytes exceeds maximum size of ${LARGEST_ENTRY_BYTES} bytes.`,
    )
  }
  if (entry.timestamp === undefined) return
  const time = Date.parse(entry.timestamp)
  if (time > now + FUTURE_MS || time < now - RETENTION_MS) {
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Log entry has the timestamp ${entry.timestamp}, which is more than 24 hours in the future or 30 days in the past.`,
    )
  }
}

function partialError(first: ApiError, errors: ReadonlyMap<number, ApiError>): ApiError {
  const logEntryErrors = Object.fromEntries(
    [...errors].map(([index, error]) => [index, {code: error.grpcCode, message: error.message}]),
  )
  return new ApiError(first.status, first.message, [
    {'@type': 'type.googleapis.com/google.logging.v2.WriteLogEntriesPartialErrors', logEntryErrors},
  ])
}
