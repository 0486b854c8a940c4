/** A timer that can be called off. */
export interface Timer {
  clear(): void
}

/** The only source of time in the local cloud, so tests of retries, deadlines and idling need not sleep. */
export interface Clock {
  /** The time of day, for what is shown or kept: milliseconds since 1970. It may be set back or ahead at any moment. */
  now(): number
  /** For waits and durations: milliseconds since some moment, which only ever rise. Means nothing after a restart. */
  monotonic(): number
  /** Runs `action` once, `delayMs` from now. Never keeps the process alive. */
  after(delayMs: number, action: () => void): Timer
}

const LONGEST_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, action) {
    const timer = setTimeout(action, Math.min(Math.max(0, delayMs), LONGEST_TIMER_MS))
    timer.unref()
    return {clear: () => clearTimeout(timer)}
  },
}
