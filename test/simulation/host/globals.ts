import {getEventListeners} from 'node:events'
import {theProcess, theWorld} from '../world.ts'

/** A timer of the simulation, with what programs use of Node's. */
class SimulatedTimer implements Disposable {
  #clear: () => void

  constructor(delayMs: number, action: () => void, repeats: boolean) {
    const world = theWorld()
    const run = (): void => {
      if (repeats) this.#clear = world.schedule(delayMs, run).clear
      action()
    }
    this.#clear = world.schedule(delayMs, run).clear
  }

  clear(): void {
    this.#clear()
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  hasRef(): boolean {
    return true
  }

  [Symbol.dispose](): void {
    this.clear()
  }
}

const real = {setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate}

type Action = (...args: unknown[]) => void

const start =
  (native: (action: Action, delayMs?: number, ...args: unknown[]) => unknown, repeats: boolean) =>
  (action: Action, delayMs = 0, ...args: unknown[]): unknown =>
    theProcess() === undefined
      ? native(action, delayMs, ...args)
      : // Node waits a millisecond at least.
        new SimulatedTimer(Math.max(1, delayMs), () => action(...args), repeats)

const startImmediate = (action: Action, ...args: unknown[]): unknown =>
  theProcess() === undefined
    ? real.setImmediate(action, ...args)
    : new SimulatedTimer(0, () => action(...args), false)

const clear =
  (native: (timer: NodeJS.Timeout) => void) =>
  (timer: SimulatedTimer | NodeJS.Timeout | undefined): void => {
    if (timer instanceof SimulatedTimer) timer.clear()
    else if (timer !== undefined) native(timer)
  }

/** `Date` by the simulated time of day. */
const SimulatedDate = new Proxy(Date, {
  construct(target, args: unknown[], newTarget) {
    const now = args.length === 0 && theProcess() !== undefined ? [theWorld().wall] : args
    return Reflect.construct(target, now, newTarget)
  },
  get(target, property) {
    if (property === 'now' && theProcess() !== undefined) return () => theWorld().wall
    return Reflect.get(target, property)
  },
})

const joined = new Set<AbortSignal>()

/** Node keeps a joined signal that has listeners until it is aborted, and with it all that a process had. */
export function forgetSignals(): void {
  for (const signal of joined) {
    const unlisten = signal.removeEventListener.bind(signal)
    for (const listener of getEventListeners(signal, 'abort'))
      Reflect.apply(unlisten, undefined, ['abort', listener])
  }
  joined.clear()
}

/** Replaces what programs take from the global object: timers, the time and randomness. */
export function replaceGlobals(): void {
  const realNow = performance.now.bind(performance)
  const realRandom = Math.random
  const join = AbortSignal.any.bind(AbortSignal)
  AbortSignal.any = (signals) => {
    const signal = join(signals)
    if (theProcess() !== undefined) joined.add(signal)
    return signal
  }
  Object.assign(globalThis, {
    setTimeout: start((action, ...rest) => real.setTimeout(action, ...rest), false),
    setInterval: start((action, ...rest) => real.setInterval(action, ...rest), true),
    setImmediate: startImmediate,
    clearTimeout: clear((timer) => real.clearTimeout(timer)),
    clearInterval: clear((timer) => real.clearInterval(timer)),
    clearImmediate: (timer: SimulatedTimer | NodeJS.Immediate | undefined) =>
      timer instanceof SimulatedTimer ? timer.clear() : real.clearImmediate(timer),
    Date: SimulatedDate,
  })
  performance.now = () => (theProcess() === undefined ? realNow() : theWorld().now)
  Math.random = () => (theProcess() === undefined ? realRandom() : theWorld().uniform())
}
