import {setImmediate as nextTurn} from 'node:timers/promises'
import type {Clock, Timer} from '../../src/local-cloud/wire/clock.ts'

/** A clock that stands still until advanced; timers fire in order of their times. */
export class ManualClock implements Clock {
  /** Of the day at the beginning, less what it was set back. */
  #wall: number
  #passed = 0
  #timers: {at: number; action: () => void}[] = []
  #armed: {at: number; resolve: () => void}[] = []

  constructor(now = Date.parse('2026-01-01T00:00:00Z')) {
    this.#wall = now
  }

  now(): number {
    return this.#wall + this.#passed
  }

  monotonic(): number {
    return this.#passed
  }

  /** Sets the time of day back, as a person or a time server does; timers and `monotonic` do not notice. */
  setBack(ms: number): void {
    this.#wall -= ms
  }

  after(delayMs: number, action: () => void): Timer {
    const timer = {at: this.#passed + Math.max(0, delayMs), action}
    this.#timers.push(timer)
    for (const {at, resolve} of this.#armed) if (at === timer.at) resolve()
    return {
      clear: () => {
        this.#timers = this.#timers.filter((other) => other !== timer)
      },
    }
  }

  /** Resolves once a timer runs that is due `delayMs` from now. */
  async armed(delayMs: number): Promise<void> {
    const at = this.#passed + delayMs
    if (this.#timers.some((timer) => timer.at === at)) return
    await new Promise<void>((resolve) => {
      this.#armed.push({at, resolve})
    })
  }

  /** Moves time on, firing what falls due; promises settle between two timers. */
  async advance(ms: number): Promise<void> {
    const end = this.#passed + ms
    await this.#settle()
    for (;;) {
      const due = this.#timers.filter(({at}) => at <= end).toSorted((a, b) => a.at - b.at)[0]
      if (!due) break
      this.#timers = this.#timers.filter((other) => other !== due)
      this.#passed = Math.max(this.#passed, due.at)
      due.action()
      await this.#settle()
    }
    this.#passed = end
  }

  /** Lets everything happen that waits for nothing but turns of the event loop and the disk. */
  async #settle(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) {
      await nextTurn()
      if (process.getActiveResourcesInfo().includes('FSReqPromise')) turn = 0
    }
  }
}
