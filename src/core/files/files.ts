import type {ErrorReport} from '../../../worker/contract.ts'

/**
 * Where a file stands: `waiting` for its turn, `running` in a worker, `done` with a result, `failed` for good with
 * an error report, `dead` after its last attempt (in the dead letters).
 */
export type FileState = 'waiting' | 'running' | 'done' | 'failed' | 'dead'

export type HopName = 'uploaded' | 'notified' | 'delivered' | 'processed' | 'written'

/** A point that a file passed on its way. */
export interface Hop {
  readonly name: HopName
  /** RFC 3339. */
  readonly at: string
  /** Milliseconds since the hop before; 0 for the first, and where a person asked for it again. */
  readonly durationMs: number
  /** Where a person asked for it again: `reprocess`. */
  readonly reprocessed?: true
}

/** Why an attempt did not finish a file. */
export interface LastError {
  readonly message: string
  /** In the worker's own sources, as far as the log says: `processor.ts:17:9`. */
  readonly place?: string
  /** RFC 3339. */
  readonly at: string
}

/** One generation of an input object and what became of it. */
export interface FileStatus {
  readonly object: string
  readonly generation: string
  readonly sizeBytes: number
  readonly uploadedAt: string
  readonly state: FileState
  /** Deliveries so far, as far as is known; 0 before the first. */
  readonly attempts: number
  /** As far as the file has come. */
  readonly hops: readonly Hop[]
  /** Where it is long work, which a job does: its execution. */
  readonly job?: {readonly execution: string; readonly startedAt: string}
  /** Of the last attempt that ended, where it has neither a result nor an error report. */
  readonly lastError?: LastError
  /** Where `state` is `failed`. */
  readonly error?: ErrorReport
  /** Where `state` is `done`. */
  readonly result?: {
    readonly bucket: string
    readonly object: string
    readonly generation: string
    readonly sizeBytes: number
  }
  /** Where it was waited for, with few others: what its report warns of. */
  readonly warnings?: readonly string[]
}

/** Why an attempt ended, with its place in the worker. */
export function faultText({message, place}: LastError): string {
  return place === undefined ? message : `${message} (${place})`
}

/** Done, failed or dead: nothing more happens to it by itself. */
export function hasEnded({state}: Pick<FileStatus, 'state'>): boolean {
  return state === 'done' || state === 'failed' || state === 'dead'
}

/** Waiting, and no delivery was seen: its event may be lost, or late. */
export function isUnheardOf({
  state,
  attempts,
  lastError,
}: Pick<FileStatus, 'state' | 'attempts' | 'lastError'>): boolean {
  return state === 'waiting' && attempts === 0 && lastError === undefined
}
