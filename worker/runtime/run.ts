import type {Delivery} from './envelope.ts'
import type {Log} from './log.ts'
import type {Worker} from './worker.ts'

/** One run of one delivery, with what each step needs. */
export interface Run {
  readonly worker: Worker
  readonly delivery: Delivery
  readonly log: Log
  readonly signal: AbortSignal
  /** Called before the first of several outputs is written. */
  readonly onCommit: () => void
  readonly startedAt: Date
  /** Marks everything this run writes. */
  readonly metadata: Record<string, string>
}
