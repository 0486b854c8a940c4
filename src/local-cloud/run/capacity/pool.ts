import type {Instance} from '../../instances/instance.ts'
import type {Clock, Timer} from '../../wire/clock.ts'
import type {Scale} from './scaling.ts'

export interface PoolOptions {
  /** Requests that one instance handles at a time. */
  readonly concurrency: number
  /** Until `serve` says otherwise. */
  readonly scale: Scale
  /** Starts an instance and waits until it is ready; ends it if `signal` aborts. */
  readonly start: (signal: AbortSignal) => Promise<Instance>
  readonly clock: Clock
  /** After this time without a request an instance is stopped. */
  readonly idleMs: number
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs: number
}

/** A slot for one request in an instance. */
export interface Slot {
  readonly instance: Instance
  /** The request has ended. */
  release(): void
  /** The instance accepts no connections: it is ending or has ended, and gets no more requests. */
  discard(): void
}

/** Why no instance takes a request. */
export class NoInstanceError extends Error {
  override readonly name = 'NoInstanceError'
  readonly why: 'busy' | 'failed' | 'stopping'

  constructor(why: NoInstanceError['why'], message: string) {
    super(message)
    this.why = why
  }
}

interface Member {
  readonly instance: Instance
  readonly startedAt: number
  busy: number
  leaving: boolean
  idle: Timer | undefined
}

interface Waiter {
  readonly resolve: (slot: Slot) => void
  readonly reject: (error: Error) => void
}

/** "Requests will wait in a pending queue for up to … 60 seconds" (cloud.google.com/run/docs/about-instance-autoscaling). */
const QUEUE_MS = 60_000
/** A minimum instance that exits on its own is replaced after this time, so that a broken one does not crash in a tight loop. */
const REPLACE_AFTER_MS = 10_000

/** The instances of one revision: as many as its requests need, from none to its maximum. */
export class Pool {
  readonly #options: PoolOptions
  #members: Member[] = []
  #waiters: Waiter[] = []
  #starting = new Set<Promise<void>>()
  #retired = false
  #scale: Scale
  readonly #closing = new AbortController()

  constructor(options: PoolOptions) {
    this.#options = options
    this.#scale = options.scale
  }

  /** A slot for a request, as soon as one is free. @throws NoInstanceError */
  acquire(signal: AbortSignal): Promise<Slot> {
    if (this.#closing.signal.aborted) return Promise.reject(stopping())
    if (signal.aborted) return Promise.reject(callerGone())
    const member = this.#free()
    if (member) return Promise.resolve(this.#occupy(member))
    if (this.#scale.maxInstances === 0) return Promise.reject(noneAvailable())
    return new Promise((resolve, reject) => {
      const leave = (error: Error): void => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter)
        waiter.reject(error)
      }
      const timer = this.#options.clock.after(QUEUE_MS, () => leave(noneAvailable()))
      const abort = (): void => leave(callerGone())
      const endWait = (): void => {
        timer.clear()
        signal.removeEventListener('abort', abort)
      }
      const waiter: Waiter = {
        resolve: (slot) => {
          endWait()
          resolve(slot)
        },
        reject: (error) => {
          endWait()
          reject(error)
        },
      }
      signal.addEventListener('abort', abort)
      this.#waiters.push(waiter)
      this.#grow()
    })
  }

  /** Adds an instance that was started elsewhere, to see whether the revision starts at all. */
  add(instance: Instance): void {
    const member: Member = {
      instance,
      startedAt: this.#options.clock.now(),
      busy: 0,
      leaving: false,
      idle: undefined,
    }
    this.#members.push(member)
    void instance.exited.then(() => this.#left(member))
    this.#serve()
    if (member.busy === 0) this.#rest(member)
  }

  /** The revision gets traffic: it keeps at least its minimum of instances, and ends any beyond its maximum. */
  serve(scale: Scale): void {
    this.#retired = false
    this.#scale = scale
    this.#restAll()
    this.#ensureMinimum()
    this.#grow()
  }

  /** The revision no longer gets traffic: its instances end as soon as their requests have. */
  retire(): void {
    this.#retired = true
    this.#restAll()
  }

  members(): {instance: Instance; startedAt: number; busy: number}[] {
    return this.#members.map(({instance, startedAt, busy}) => ({instance, startedAt, busy}))
  }

  /** Ends every instance: SIGTERM at once, requests in progress have the grace period to finish. */
  async close(): Promise<void> {
    this.#closing.abort()
    for (const {reject} of this.#waiters.splice(0)) reject(stopping())
    await Promise.all([...this.#starting, ...this.#members.map((member) => this.#stop(member))])
  }

  #free(): Member | undefined {
    return this.#members.find(({busy, leaving}) => !leaving && busy < this.#options.concurrency)
  }

  #occupy(member: Member): Slot {
    member.idle?.clear()
    member.idle = undefined
    member.busy += 1
    let released = false
    const release = (): void => {
      if (released) return
      released = true
      member.busy -= 1
      this.#serve()
      if (member.busy === 0) this.#rest(member)
    }
    return {
      instance: member.instance,
      release,
      discard: () => {
        member.leaving = true
        release()
      },
    }
  }

  #serve(): void {
    for (let member = this.#free(); member && this.#waiters.length > 0; member = this.#free()) {
      this.#waiters.shift()?.resolve(this.#occupy(member))
    }
  }

  #grow(): void {
    const {concurrency} = this.#options
    while (
      !this.#closing.signal.aborted &&
      this.#starting.size * concurrency < this.#waiters.length &&
      this.#alive() + this.#starting.size < this.#scale.maxInstances
    )
      this.#startOne()
  }

  #startOne(): void {
    const started = this.#tryStart().finally(() => this.#starting.delete(started))
    this.#starting.add(started)
    // Once it is no longer starting, there may be room for another.
    void started.then(() => this.#grow())
  }

  async #tryStart(): Promise<void> {
    try {
      this.add(await this.#options.start(this.#closing.signal))
    } catch (error) {
      // The requests that this instance would have served fail; others may still find a slot.
      const failure = new NoInstanceError('failed', error instanceof Error ? error.message : String(error))
      for (const {reject} of this.#waiters.splice(0, this.#options.concurrency)) reject(failure)
    }
    if (this.#closing.signal.aborted) await Promise.all(this.#members.map((member) => this.#stop(member)))
  }

  #restAll(): void {
    for (const member of this.#members) if (member.busy === 0 && !member.leaving) this.#rest(member)
  }

  #rest(member: Member): void {
    member.idle?.clear()
    const superfluous = this.#retired || member.leaving || this.#alive() > this.#scale.maxInstances
    const delay = superfluous ? 0 : this.#options.idleMs
    if (delay === 0) {
      void this.#stop(member)
      return
    }
    member.idle = this.#options.clock.after(delay, () => {
      if (this.#alive() > this.#scale.minInstances) void this.#stop(member)
    })
  }

  async #stop(member: Member): Promise<void> {
    member.leaving = true
    member.idle?.clear()
    await member.instance.stop(this.#options.graceMs)
  }

  #left(member: Member): void {
    const expected = member.leaving
    member.leaving = true
    member.idle?.clear()
    this.#members = this.#members.filter((other) => other !== member)
    this.#grow()
    if (!expected) this.#options.clock.after(REPLACE_AFTER_MS, () => this.#ensureMinimum())
  }

  #ensureMinimum(): void {
    while (
      !this.#closing.signal.aborted &&
      !this.#retired &&
      this.#alive() + this.#starting.size < this.#scale.minInstances
    )
      this.#startOne()
  }

  #alive(): number {
    return this.#members.filter(({leaving}) => !leaving).length
  }
}

function noneAvailable(): NoInstanceError {
  return new NoInstanceError('busy', 'The request was aborted because there was no available instance.')
}

function callerGone(): NoInstanceError {
  return new NoInstanceError('busy', 'The caller has disconnected.')
}

function stopping(): NoInstanceError {
  return new NoInstanceError('stopping', 'The local cloud is stopping.')
}
