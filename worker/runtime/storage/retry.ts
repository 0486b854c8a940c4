import {setTimeout as delay} from 'node:timers/promises'
import {isTransient} from './errors.ts'

const FIRST_DELAY_MS = 500

/** Resolves after `ms`, or rejects as soon as `signal` aborts. */
type Wait = (ms: number, signal: AbortSignal | undefined) => Promise<void>

/** How patiently failing requests are retried. */
export interface Patience {
  /** Retries of a request. */
  readonly mostRetries?: number
  /** Pause between retries. */
  readonly wait?: Wait
  /** A connection without traffic for this long is closed. */
  readonly silenceMs?: number
}

const wait: Wait = (ms, signal) => delay(ms, undefined, {signal})

/** Retries requests after transient failures. */
export class Retries {
  readonly #most: number
  readonly #wait: Wait

  constructor(most: number, waiting = wait) {
    this.#most = most
    this.#wait = waiting
  }

  /** Runs a step that is safe to repeat, with a pause before each retry. */
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
   * Waits before retry number `retry`: half a second, doubled each time, plus up to half of it as jitter.
   * @throws the error if a retry makes no sense or none is left; the signal's reason
   */
  async pause(retry: number, error: unknown, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (retry > this.#most || !isTransient(error)) throw error
    try {
      await this.#wait(FIRST_DELAY_MS * 2 ** (retry - 1) * (1 + Math.random() / 2), signal)
    } finally {
      // The signal's own reason rather than the wait's error.
      signal?.throwIfAborted()
    }
  }
}
