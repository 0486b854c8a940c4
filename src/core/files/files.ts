import type {ErrorReport} from '../../../worker/contract.ts'
import type {Suggestion} from '../suggestion.ts'

/**
 * State of a file: `waiting` for its turn, `running` in a worker, `done` with a result, `failed` permanently with an
 * error report, `dead` after its last attempt (in the dead letters), `ignored` since the filter does not match it or it
 * lies in the archive.
 */
export type FileState = (typeof FILE_STATES)[number]

export const FILE_STATES = ['waiting', 'running', 'done', 'failed', 'dead', 'ignored'] as const

/** How many files are in each state. */
export function countStates(files: Iterable<{readonly state: FileState}>): Record<FileState, number> {
  const counts = {waiting: 0, running: 0, done: 0, failed: 0, dead: 0, ignored: 0}
  for (const {state} of files) counts[state]++
  return counts
}

export type HopName = 'uploaded' | 'notified' | 'delivered' | 'processed' | 'written'

/** A point that a file passed on its way. */
export interface Hop {
  readonly name: HopName
  /** RFC 3339. */
  readonly at: string
  /** Milliseconds since the previous hop; 0 for the first, and for a reprocess request. */
  readonly durationMs: number
  /** Present if `reprocess` requested it again. */
  readonly reprocessed?: true
}

/** Why an attempt did not finish a file. */
export interface LastError {
  readonly message: string
  /** In the worker's own sources, if the log has it: `processor.ts:17:9`. */
  readonly place?: string
  /** RFC 3339. */
  readonly at: string
}

/** The next delivery of a file whose last one failed. */
export interface Retry {
  /** Its number, and that of the last one. */
  readonly attempt: number
  readonly of: number
  /**
   * RFC 3339, by the subscription's retry policy. While many deliveries fail, Pub/Sub's push backoff adds up to a minute
   * (https://cloud.google.com/pubsub/docs/push#push_backoff).
   */
  readonly notBefore: string
}

/** The execution of the job that processes a file. */
export interface JobRun {
  readonly execution: string
  /** RFC 3339. */
  readonly startedAt: string
  /** Why no delivery processes the file, if the worker reported it. */
  readonly reason?: string
}

/** Why a file failed: what the worker reported, or what this program found. */
export interface FileError extends Omit<ErrorReport, 'suggestions'> {
  readonly suggestions: readonly Suggestion[]
}

/** One generation of an input object and its state. */
export interface FileStatus {
  readonly object: string
  readonly generation: string
  readonly sizeBytes: number
  readonly uploadedAt: string
  readonly state: FileState
  /** If its input is no longer under its own name: it was moved to `archive/`, or deleted. */
  readonly input?: 'archived' | 'deleted'
  /** Known deliveries so far; 0 before the first. */
  readonly attempts: number
  /** The hops it has passed so far. */
  readonly hops: readonly Hop[]
  /** The job's execution, if the file was handed over to one. */
  readonly job?: JobRun
  /** Of the last attempt that ended, if there is neither a result nor an error report. */
  readonly lastError?: LastError
  /** If it waits to be delivered again. */
  readonly retry?: Retry
  /** If `state` is `failed`. */
  readonly error?: FileError
  /** If `state` is `done`. */
  readonly result?: {
    readonly bucket: string
    readonly object: string
    readonly generation: string
    readonly sizeBytes: number
    /** How many outputs the file has, if its worker names them; `object` is then their list, `sizeBytes` their total. */
    readonly outputs?: number
  }
  /** Revision of the service that wrote its result or its error, if one did. */
  readonly revision?: string
  /** Warnings of its report, if it was waited for with few others. */
  readonly warnings?: readonly string[]
}

/** Why an attempt ended, with the place in the worker. */
function faultText({message, place}: LastError): string {
  return place === undefined ? message : `${message} (${place})`
}

/** Done, failed, dead or ignored: nothing more happens without a new request. */
export function hasEnded({state}: Pick<FileStatus, 'state'>): boolean {
  return state !== 'waiting' && state !== 'running'
}

/** What is wrong with a file, with the place in it; for a refused attempt, with the place in the worker. */
export function faultIn({error, lastError}: Pick<FileStatus, 'error' | 'lastError'>): string {
  if (!error) return lastError === undefined ? '' : faultText(lastError)
  const place = [
    error.line === undefined ? undefined : `line ${error.line}`,
    error.column === undefined ? undefined : `column ${error.column}`,
  ].filter((part) => part !== undefined)
  return place.length === 0 ? error.message : `${error.message} (${place.join(', ')})`
}

/** What is wrong with a file, for lists of files: one that was redriven waits for a delivery after the one that failed. */
export function problemIn(file: Pick<FileStatus, 'error' | 'lastError' | 'state' | 'attempts'>): string {
  const fault = faultIn(file)
  return fault !== '' && file.state === 'waiting' && file.attempts === 0
    ? `sent again; before: ${fault}`
    : fault
}

/** Waiting, and no delivery was seen: its event may be lost, or late. */
export function isUndelivered({
  state,
  attempts,
  lastError,
}: Pick<FileStatus, 'state' | 'attempts' | 'lastError'>): boolean {
  return state === 'waiting' && attempts === 0 && lastError === undefined
}
