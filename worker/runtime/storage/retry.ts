import {setTimeout as delay} from 'node:timers/promises'
import {isPassing} from './errors.ts'

const FIRST_DELAY_MS = 500

/** Resolves after so many milliseconds, or rejects as soon as `signal` aborts. */
type Wait = (ms: number, signal: AbortSignal | undefined) => Promise<void>

/** How long a failing Cloud Storage is borne. */
export interface Patience {
  /** Repetitions of a request. */
  readonly mostRetries?: number
  /** Between repetitions. */
  readonly wait?: Wait
  /** After so long without a byte a connection is given up. */
  readonly silenceMs?: number
}

const wait: Wait = (ms, signal) => delay(ms, undefined, {signal})

/** How often a request is repeated that failed for a reason that may pass. */
export class Retries {
  readonly #most: number
  readonly #wait: Wait

  constructor(most: number, waiting = wait) {
    this.#most = most
    this.#wait = waiting
  }

  /** Runs a step that is safe to repeat, with a pause before each repetition. */
  async run<T>(step: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (let retry = 1; ; retry++) {
      try {
        return await step()
      } catch (error) {
        await this.pause(retry, error, signal)
      }
    }
  }

  /**
   * Waits before repetition number `retry`: half a second, then twice as long each time, and up to half more by chance.
   * @throws the error where repeating it makes no sense or was tried often enough; the signal's reason
   */
  async pause(retry: number, error: unknown, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (retry > this.#most || !isPassing(error)) throw error
    try {
      await this.#wait(FIRST_DELAY_MS * 2 ** (retry - 1) * (1 + Math.random() / 2), signal)
    } finally {
      // Its own reason rather than the wait's.
      signal?.throwIfAborted()
    }
  }
}
