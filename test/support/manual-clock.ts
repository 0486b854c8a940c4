import {setImmediate as nextTurn} from 'node:timers/promises'
import type {Clock, Timer} from '../../src/local-cloud/wire/clock.ts'

/** A clock that stands still until advanced; timers fire in order of their times. */
export class ManualClock implements Clock {
  #now: number
  #timers: {at: number; action: () => void}[] = []

  constructor(now = Date.parse('2026-01-01T00:00:00Z')) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  after(delayMs: number, action: () => void): Timer {
    const timer = {at: this.#now + Math.max(0, delayMs), action}
    this.#timers.push(timer)
    return {
      clear: () => {
        this.#timers = this.#timers.filter((other) => other !== timer)
      },
    }
  }

  /** Moves time on, firing what falls due; promises settle between two timers. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await this.#settle()
    for (;;) {
      const due = this.#timers.filter(({at}) => at <= end).toSorted((a, b) => a.at - b.at)[0]
      if (!due) break
      this.#timers = this.#timers.filter((other) => other !== due)
      this.#now = Math.max(this.#now, due.at)
      due.action()
      await this.#settle()
    }
    this.#now = end
  }

  async #settle(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await nextTurn()
  }
}
