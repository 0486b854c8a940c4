import type {Processor} from '../processor.ts'
import type {Log} from './log.ts'
import type {Pace} from './pace.ts'
import type {Environment, WorkerSettings} from './settings.ts'
import type {Storage} from './storage/index.ts'
import type {Watch} from './watchdog.ts'

/** What a running worker consists of. */
export interface Worker {
  readonly processor: Processor
  readonly settings: WorkerSettings
  readonly environment: Environment
  readonly storage: Storage
  readonly log: Log
  /** How fast the process was so far, in this instance. */
  readonly pace: Pace
  /** Does the work of a delivery while the watchdog knows about it. */
  readonly watch: Watch
}

/** Why a delivery is given up before its work is done: it is refused, so that it comes again. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/** The file took longer than a delivery may. */
export class DeadlinePassed extends Interrupted {}
