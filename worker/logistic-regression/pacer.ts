import {setImmediate} from 'node:timers/promises'

/** How long work may hold the event loop before health checks, SIGTERM and the deadline get their turn. */
const LONGEST_TURN_MS = 20

/**
 * Breaks long computations into turns: call `pause()` wherever a loop may yield. Cheap enough for every block of a
 * few hundred rows.
 */
export class Pacer {
  /** Other threads that may help. */
  helpers: number
  readonly #signal: AbortSignal
  #turnBegan = performance.now()

  constructor(signal: AbortSignal, helpers = 0) {
    this.#signal = signal
    this.helpers = helpers
  }

  /** True if the turn is over; saves an `await` in tight loops. */
  get due(): boolean {
    return performance.now() - this.#turnBegan > LONGEST_TURN_MS
  }

  /**
   * Lets the event loop run.
   * @throws the signal's reason if the work was aborted
   */
  async pause(): Promise<void> {
    await setImmediate()
    this.#signal.throwIfAborted()
    this.#turnBegan = performance.now()
  }
}
