import {randomInt} from 'node:crypto'
import type {ApiError} from '../wire/api-error.ts'
import type {Clock, Timer} from '../wire/clock.ts'
import {Fifo} from './fifo.ts'
import type {BacklogEntry} from './message-store.ts'
import {
  callBack,
  type Consumer,
  type Delivered,
  type Entry,
  follow,
  joinLine,
  type Lease,
  type LeaseEnd,
  type Line,
  type OpenLease,
  successor,
} from './ordering.ts'
import type {DeliverySettings} from './subscription-settings.ts'

/** Makes a queue's changes durable. */
export interface DeliveryRecords {
  /** Resolves once the acknowledgement is durable, which may take a moment if it can wait. */
  acknowledge(messages: readonly number[], options: {canWait: boolean}): Promise<void>
  recordFailures(message: number, failures: number): void
  /** @returns whether the message moved from this subscription to the dead-letter topic */
  forwardDeadLetter(message: number, attempts: number): Promise<boolean>
  /**
   * The number of unacknowledged messages changed.
   * @param oldest when the oldest was published, in milliseconds since 1970
   */
  changed(messages: number, oldest: number | undefined): void
}

/** Delay before redelivery when an acknowledgement could not be recorded, so as not to hammer a full disk. */
const UNRECORDED_MS = 1000

/** The live backlog of one subscription: which message may be delivered when. Rows are the truth, this is their order. */
export class DeliveryQueue {
  settings: DeliverySettings
  readonly #clock: Clock
  readonly #records: DeliveryRecords
  readonly #entries = new Map<number, Entry>()
  readonly #ready = new Fifo<Entry>()
  #readyCount = 0
  readonly #lines = new Map<string, Line>()
  /** What is delivered, by the length of its deadline: each set is in the order in which they fall due. */
  readonly #leased = new Map<number, Set<Entry>>()
  /** One for all: a timer for each delivery costs more than the rest of its bookkeeping. */
  #alarm: {readonly dueAt: number; readonly timer: Timer} | undefined
  readonly #watchers = new Set<() => void>()
  /** Starts elsewhere after a restart, so that an ack id from before it names none of the deliveries after it. */
  #leases = randomInt(2 ** 47)
  #closed: ApiError | undefined

  constructor(settings: DeliverySettings, {clock, records}: {clock: Clock; records: DeliveryRecords}) {
    this.settings = settings
    this.#clock = clock
    this.#records = records
  }

  /** Why delivery has ended. */
  get closed(): ApiError | undefined {
    return this.#closed
  }

  get hasReady(): boolean {
    return this.#readyCount > 0
  }

  /** Calls `watcher` whenever a message becomes ready, and at the end. @returns a function that stops that */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** Adds messages in publish order; those already queued are left as they are. */
  add(entries: readonly BacklogEntry[]): void {
    if (this.#closed !== undefined) return
    for (const backlogged of entries) {
      if (this.#entries.has(backlogged.message)) continue
      const {message, publishTime, orderingKey, bytes, failures} = backlogged
      const entry: Entry = {
        message,
        publishTime,
        orderingKey,
        bytes,
        failures,
        state: 'blocked',
        lease: undefined,
        timer: undefined,
        line: undefined,
        next: undefined,
      }
      this.#entries.set(entry.message, entry)
      if (!this.settings.ordered || entry.orderingKey === '') this.#makeReady(entry)
      else if (joinLine(this.#lines, entry)) this.#makeReady(entry)
    }
    this.#changed()
    this.#notify()
  }

  /**
   * The next message that is ready, for `deadlineMs`.
   * @param onEnd called once when the delivery ends, also when the caller ends it
   * @param options.consumer without one, one message of an ordering key is out at a time
   * @param options.isHeld whether the deadline is put off once it is due, for as long as before
   */
  take(
    deadlineMs: number,
    onEnd: (end: LeaseEnd) => void,
    {consumer, isHeld}: {consumer?: Consumer; isHeld?: () => boolean} = {},
  ): Lease | undefined {
    const oldest = this.#clock.now() - this.settings.retentionMs
    for (let entry = this.#next(consumer); entry !== undefined; entry = this.#next(consumer)) {
      if (entry.publishTime < oldest) {
        this.#remove(entry)
        this.#changed()
        continue
      }
      if (entry.state === 'ready') this.#readyCount -= 1
      this.#leases += 1
      entry.state = 'leased'
      entry.lease = {number: this.#leases, onEnd, isHeld, deadlineMs, dueAt: 0}
      this.#setDeadline(entry, entry.lease, deadlineMs)
      if (entry.line !== undefined) {
        entry.line.consumer = consumer
        follow(successor(entry))
      }
      return {message: entry.message, number: this.#leases, attempt: entry.failures + 1, bytes: entry.bytes}
    }
    return undefined
  }

  #next(consumer: Consumer | undefined): Entry | undefined {
    const following = consumer?.following
    for (let entry = following?.shift(); entry !== undefined; entry = following?.shift())
      if (entry.state === 'blocked' && entry.line?.consumer === consumer) return entry
    for (let entry = this.#ready.shift(); entry !== undefined; entry = this.#ready.shift())
      if (entry.state === 'ready') return entry
    return undefined
  }

  /**
   * Acknowledges messages; resolves once that is durable. With exactly-once delivery, only by their last delivery that
   * has not ended; otherwise whichever consumer has them, and unknown ones count as done.
   * @param options.canWait if no caller waits until it is durable
   * @returns the deliveries whose acknowledgement does not count
   */
  async acknowledge<T extends Delivered>(
    delivered: readonly T[],
    {canWait = false}: {canWait?: boolean} = {},
  ): Promise<T[]> {
    const refused = this.settings.exactlyOnce ? delivered.filter((each) => !this.#isOut(each)) : []
    const entries = delivered.flatMap((each) =>
      refused.includes(each) ? [] : (this.#entries.get(each.message) ?? []),
    )
    if (entries.length === 0) return refused
    for (const entry of entries) this.#remove(entry, 'acknowledged')
    this.#changed()
    try {
      await this.#records.acknowledge(
        entries.map(({message}) => message),
        {canWait},
      )
      return refused
    } catch (error) {
      this.#clock.after(UNRECORDED_MS, () => this.add(entries))
      throw error
    }
  }

  /**
   * Moves the end of a delivery; 0 refuses the message. Does nothing if the delivery has ended.
   * @returns whether that matters, with exactly-once delivery
   */
  extend(delivered: Delivered, deadlineMs: number): boolean {
    const entry = this.#entries.get(delivered.message)
    if (entry?.lease === undefined || !this.#isOut(delivered)) return !this.settings.exactlyOnce
    if (deadlineMs > 0) this.#setDeadline(entry, entry.lease, deadlineMs)
    else this.#fail(entry, 'refused')
    return true
  }

  #isOut({message, number}: Delivered): boolean {
    return this.#entries.get(message)?.lease?.number === number
  }

  /** Empties the queue; the caller handles the rows. */
  clear(): void {
    this.#lines.clear()
    for (const entry of this.#entries.values()) this.#remove(entry, 'dropped')
    this.#changed()
  }

  /** Drops messages kept longer than the subscription's retention. */
  expire(): void {
    const oldest = this.#clock.now() - this.settings.retentionMs
    for (const entry of this.#entries.values())
      if (entry.publishTime < oldest && entry.state !== 'leased') this.#remove(entry)
    this.#changed()
  }

  /** Ends everything; consumers get `reason`. */
  close(reason: ApiError): void {
    this.#closed = reason
    this.#alarm?.timer.clear()
    this.clear()
    this.#notify()
  }

  #makeReady(entry: Entry): void {
    entry.timer = undefined
    if (entry.line !== undefined && entry.line.first !== entry) {
      entry.state = 'blocked'
      return
    }
    entry.state = 'ready'
    this.#ready.push(entry)
    this.#readyCount += 1
  }

  #setDeadline(entry: Entry, lease: OpenLease, deadlineMs: number): void {
    this.#leased.get(lease.deadlineMs)?.delete(entry)
    lease.deadlineMs = deadlineMs
    lease.dueAt = this.#clock.monotonic() + deadlineMs
    const alike = this.#leased.get(deadlineMs)
    if (alike === undefined) this.#leased.set(deadlineMs, new Set([entry]))
    else alike.add(entry)
    this.#wakeAt(lease.dueAt)
  }

  #wakeAt(dueAt: number): void {
    if (this.#alarm !== undefined && this.#alarm.dueAt <= dueAt) return
    this.#alarm?.timer.clear()
    const timer = this.#clock.after(dueAt - this.#clock.monotonic(), () => this.#endOverdue(dueAt))
    this.#alarm = {dueAt, timer}
  }

  /** @param dueAt of the alarm, which may ring a little early */
  #endOverdue(dueAt: number): void {
    this.#alarm = undefined
    const now = Math.max(dueAt, this.#clock.monotonic())
    const overdue: {readonly entry: Entry; readonly lease: OpenLease}[] = []
    for (const [deadlineMs, alike] of this.#leased) {
      for (const entry of alike) {
        if (entry.lease === undefined || entry.lease.dueAt > now) break
        overdue.push({entry, lease: entry.lease})
      }
      if (alike.size === 0) this.#leased.delete(deadlineMs)
    }
    for (const {entry, lease} of overdue.toSorted((a, b) => a.lease.dueAt - b.lease.dueAt)) {
      // One that failed before it may have called it back.
      if (entry.lease !== lease) continue
      if (lease.isHeld?.() === true) {
        this.#setDeadline(entry, lease, lease.deadlineMs)
        continue
      }
      this.#leased.get(lease.deadlineMs)?.delete(entry)
      this.#fail(entry, 'expired')
    }
    for (const [{lease} = {lease: undefined}] of this.#leased.values())
      if (lease !== undefined) this.#wakeAt(lease.dueAt)
  }

  /** Takes the lease from an entry. */
  #release(entry: Entry): OpenLease | undefined {
    const {lease} = entry
    if (lease !== undefined) this.#leased.get(lease.deadlineMs)?.delete(entry)
    entry.lease = undefined
    return lease
  }

  #fail(entry: Entry, end: 'refused' | 'expired'): void {
    const lease = this.#release(entry)
    entry.state = 'waiting'
    entry.failures += 1
    lease?.onEnd(end)
    callBack(entry, (following) => this.#release(following))
    const {deadLetter} = this.settings
    if (deadLetter !== undefined && entry.failures >= deadLetter.attempts) void this.#giveUp(entry)
    else {
      this.#records.recordFailures(entry.message, entry.failures)
      this.#retry(entry)
    }
  }

  async #giveUp(entry: Entry): Promise<void> {
    const forwarded = await this.#records.forwardDeadLetter(entry.message, entry.failures)
    if (entry.state !== 'waiting') return
    if (forwarded) {
      this.#remove(entry)
      this.#changed()
      this.#notify()
    } else {
      this.#records.recordFailures(entry.message, entry.failures)
      this.#retry(entry)
    }
  }

  #retry(entry: Entry): void {
    const {retry} = this.settings
    const delayMs =
      retry === undefined ? 0 : Math.min(retry.maximumMs, retry.minimumMs * 2 ** (entry.failures - 1))
    if (delayMs === 0) {
      this.#makeReady(entry)
      this.#notify()
      return
    }
    entry.timer = this.#clock.after(delayMs, () => {
      this.#makeReady(entry)
      this.#notify()
    })
  }

  #remove(entry: Entry, end: LeaseEnd = 'dropped'): void {
    const lease = this.#release(entry)
    if (entry.state === 'ready') this.#readyCount -= 1
    entry.timer?.clear()
    entry.timer = undefined
    entry.state = 'gone'
    this.#entries.delete(entry.message)
    lease?.onEnd(end)
    if (entry.line?.first === entry) this.#unblock(entry.line)
  }

  /** The next message of an ordering key becomes ready once the previous one is gone. */
  #unblock(line: Line): void {
    const next = successor(line.first)
    if (next === undefined) {
      this.#lines.delete(line.first.orderingKey)
      return
    }
    line.first = next
    if (next.state === 'blocked') {
      this.#makeReady(next)
      this.#notify()
    }
  }

  #changed(): void {
    if (this.#closed !== undefined) return
    const [oldest] = this.#entries.values()
    this.#records.changed(this.#entries.size, oldest?.publishTime)
  }

  #notify(): void {
    if (!this.hasReady && this.#closed === undefined) return
    for (const watcher of this.#watchers) watcher()
  }
}
