import {setTimeout as delay} from 'node:timers/promises'

export interface RetryOptions {
  /** Including the first. */
  readonly attempts: number
  /** Milliseconds to wait after this error of attempt 1, 2 …; `undefined` if a retry is pointless. */
  readonly pauseMs: (error: unknown, attempt: number) => number | undefined
  readonly pause?: (milliseconds: number) => Promise<unknown>
}

/**
 * Runs `work` until it succeeds.
 * @throws the error of the last attempt
 */
export async function retry<T>(
  work: () => Promise<T>,
  {attempts, pauseMs, pause = (milliseconds) => delay(milliseconds)}: RetryOptions,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const wait = attempt === attempts ? undefined : pauseMs(error, attempt)
      if (wait === undefined) throw error
      await pause(wait)
    }
  }
}
