import {AsyncLocalStorage} from 'node:async_hooks'
import {randomFrom} from '../support/random.ts'
import {Events, type SimulatedEvent} from './events.ts'

/** Node's own, before the simulated ones replace them. */
const realImmediate = setImmediate

/** The day on which every simulation begins. */
const BEGIN = Date.parse('2026-01-01T00:00:00Z')

const owner = new AsyncLocalStorage<SimulatedProcess>()

/** A program with timers, connections and files of its own, which end with it. */
export interface SimulatedProcess {
  readonly name: string
  /** Nothing of a process that has ended happens any more, whatever its promises wait for. */
  isAlive: boolean
  /** Until then, nothing happens in it, as with SIGSTOP or a blocked event loop. */
  frozenUntil: number
  readonly onEnd: ((ending: Ending) => void)[]
}

/** How a process ended: `undefined` as code if it was killed. */
export interface Ending {
  readonly code: number | undefined
}

/** A crash in the middle of what a process does: nothing of it may be caught and go on. */
export class Crash extends Error {
  override readonly name = 'Crash'
}

/** An error of the disk. A process that throws it, uncaught, as the cause of its own error ends as it should. */
export class DiskFailure extends Error {
  override readonly name = 'DiskFailure'
}

/**
 * One machine with all its processes, whose time, randomness and order of events come from a seed alone.
 *
 * Between two events, everything that promises and `process.nextTick` have in store runs to its end, so an event sees
 * the whole effect of those before it.
 */
export class World {
  readonly seed: number
  readonly lines: string[] = []
  /** What went wrong that never may. */
  readonly violations: string[] = []
  readonly #uniform: () => number
  readonly #events = new Events()
  #now = 0
  #wall = BEGIN

  constructor(seed: number) {
    this.seed = seed
    this.#uniform = randomFrom(1 + ((seed * 1_103_515_245 + 12_345) % 2_147_483_646)).uniform
    for (let skipped = 0; skipped < 10; skipped++) this.#uniform()
  }

  /** Virtual milliseconds since the beginning. */
  get now(): number {
    return this.#now
  }

  /** The time of day, milliseconds since 1970. */
  get wall(): number {
    return Math.floor(this.#wall + this.#now)
  }

  /** Sets the time of day ahead, or back; timers do not notice. */
  jump(ms: number): void {
    this.#wall += ms
  }

  /** A number from 0 to below 1. */
  uniform(): number {
    return this.#uniform()
  }

  /** A whole number from `least` to `most`. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.#uniform() * (most - least + 1))
  }

  chance(probability: number): boolean {
    return this.#uniform() < probability
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.whole(0, choices.length - 1)] ?? choices[0]
  }

  log(line: string): void {
    const seconds = (this.#now / 1000).toFixed(6).padStart(14)
    this.lines.push(`${seconds} ${(owner.getStore()?.name ?? 'world').padEnd(9)} ${line}`)
  }

  /** Records that an invariant does not hold. */
  violate(what: string): void {
    this.log(`VIOLATION ${what}`)
    this.violations.push(what)
  }

  /** Starts a process with `main`. */
  start(name: string, main: () => void): SimulatedProcess {
    const process: SimulatedProcess = {name, isAlive: true, frozenUntil: 0, onEnd: []}
    this.schedule(0, main, process)
    return process
  }

  end(process: SimulatedProcess, ending: Ending): void {
    if (!process.isAlive) return
    process.isAlive = false
    this.schedule(0, () => process.onEnd.forEach((action) => action(ending)), 'world')
  }

  /** Runs `action` in a process, by default this one, in `delayMs`; or outside of all, whatever ends until then. */
  schedule(
    delayMs: number,
    action: () => void,
    where: SimulatedProcess | 'world' = owner.getStore() ?? 'world',
  ): {clear: () => void} {
    const process = where === 'world' ? undefined : where
    const run = (): void => {
      if (process === undefined) {
        owner.exit(action)
        return
      }
      if (!process.isAlive) return
      if (process.frozenUntil > this.#now) {
        event.at = process.frozenUntil
        this.#events.add(event)
        return
      }
      try {
        owner.run(process, action)
      } catch (error) {
        if (!(error instanceof Error && error.cause instanceof DiskFailure)) throw error
        this.log(`${process.name} ends: ${error.message}`)
        this.end(process, {code: 1})
      }
    }
    const event: SimulatedEvent = {at: this.#now + Math.max(0, delayMs), action: run, isCleared: false}
    if (process?.isAlive !== false) this.#events.add(event)
    return {
      clear: () => {
        event.isCleared = true
      },
    }
  }

  /** Lets everything happen until the virtual time `end`, or until `isOver` holds after an event. */
  async run(end: number, isOver: () => boolean = () => false): Promise<void> {
    while (!isOver()) {
      const event = this.#events.next
      if (event === undefined || event.at > end) break
      this.#events.take()
      if (event.isCleared) continue
      this.#now = event.at
      try {
        event.action()
      } catch (error) {
        if (!(error instanceof Crash)) this.violate(`uncaught: ${describe(error)}`)
      }
      await new Promise((resolve) => realImmediate(resolve))
    }
    if (!isOver()) this.#now = Math.max(this.#now, end)
  }
}

let world: World | undefined

/** The world that the simulated parts of Node belong to. */
export function theWorld(): World {
  if (world === undefined) throw new Error('Nothing is being simulated.')
  return world
}

export function enter(entered: World): void {
  world = entered
}

/** The process that what runs now belongs to; `undefined` outside of a simulation. */
export function theProcess(): SimulatedProcess | undefined {
  return owner.getStore()
}

export function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
