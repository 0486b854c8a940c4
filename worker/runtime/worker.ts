import type {Processor} from '../processor.ts'
import type {Log} from './log.ts'
import type {Pace} from './pace.ts'
import type {Environment, WorkerSettings} from './settings.ts'
import type {Storage} from './storage/index.ts'
import type {Watch} from './watchdog.ts'

/** The parts of a running worker. */
export interface Worker {
  readonly processor: Processor
  readonly settings: WorkerSettings
  readonly environment: Environment
  readonly storage: Storage
  readonly log: Log
  /** How fast the process has been in this instance. */
  readonly pace: Pace
  /** Runs a delivery's work under the watchdog. */
  readonly watch: Watch
}

/** A delivery's work was stopped before it finished: it is refused, so that it is delivered again. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/** The user cancelled the file: its delivery is acknowledged without a result. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled'
}

/** The file took longer than a delivery may. */
export class DeadlinePassed extends Interrupted {}
