import type {Clock, Timer} from './clock.ts'

/** A clock that can be moved ahead. */
export interface AdvancingClock extends Clock {
  /** Everything that falls due in the next `ms` milliseconds happens now, in order, each once. */
  advance(ms: number): void
}

interface Pending {
  readonly dueAt: number
  readonly fire: () => void
  /** Waits on the other clock for what is left. */
  timer: Timer
}

/** The time of another clock, until it is moved ahead. */
export function createAdvancingClock(clock: Clock): AdvancingClock {
  let ahead = 0
  const pending = new Set<Pending>()
  const monotonic = (): number => clock.monotonic() + ahead
  return {
    now: () => clock.now() + ahead,
    monotonic,
    after(delayMs, action) {
      const fire = (): void => {
        clear()
        action()
      }
      const entry: Pending = {dueAt: monotonic() + delayMs, fire, timer: clock.after(delayMs, fire)}
      const clear = (): void => {
        pending.delete(entry)
        entry.timer.clear()
      }
      pending.add(entry)
      return {clear}
    },
    advance(ms) {
      ahead += ms
      const due = [...pending].filter(({dueAt}) => dueAt <= monotonic())
      // One that an earlier one has cleared does not happen.
      for (const entry of due.toSorted((a, b) => a.dueAt - b.dueAt)) if (pending.has(entry)) entry.fire()
      for (const entry of pending) {
        entry.timer.clear()
        entry.timer = clock.after(entry.dueAt - monotonic(), entry.fire)
      }
    },
  }
}
