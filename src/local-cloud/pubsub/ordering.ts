import type {Timer} from '../wire/clock.ts'
import {Fifo} from './fifo.ts'

/** How a delivery ended. `dropped`: the message no longer belongs to the subscription. */
export type LeaseEnd = 'acknowledged' | 'refused' | 'expired' | 'dropped'

/** Which delivery of which message. */
export interface Delivered {
  readonly message: number
  /** Counts the deliveries since the local cloud started. */
  readonly number: number
}

/** One delivery of a message; nothing else gets the message until it ends. */
export interface Lease extends Delivered {
  /** 1 at the first delivery. */
  readonly attempt: number
  readonly bytes: number
}

/** What a queue knows of a delivery that has not ended. */
export interface OpenLease {
  readonly number: number
  readonly onEnd: (end: LeaseEnd) => void
  /** Whether its deadline is put off once it is due. */
  readonly isHeld: (() => boolean) | undefined
  deadlineMs: number
  /** On the clock's monotonic time. */
  dueAt: number
}

/** A message in a subscription's queue. */
export interface Entry {
  readonly message: number
  readonly publishTime: number
  readonly orderingKey: string
  readonly bytes: number
  failures: number
  /** `blocked`: an earlier message of its ordering key is not acknowledged. `waiting`: until its next attempt. */
  state: 'blocked' | 'ready' | 'leased' | 'waiting' | 'gone'
  lease: OpenLease | undefined
  /** Until its next attempt. */
  timer: Timer | undefined
  line: Line | undefined
  next: Entry | undefined
}

/**
 * Who pulls. It also gets the messages that follow one of its own in an ordering key, before that one is acknowledged
 * (https://cloud.google.com/pubsub/docs/ordering#receive_messages_in_order).
 */
export class Consumer {
  readonly following = new Fifo<Entry>()
  /** Called when there is one more of them. */
  readonly wake: () => void

  constructor(wake: () => void = () => undefined) {
    this.wake = wake
  }
}

/** The messages of an ordering key, in publish order by `Entry.next`. */
export interface Line {
  first: Entry
  last: Entry
  /** Has each message of the line that is leased; the next one is among those that follow. */
  consumer: Consumer | undefined
}

/** Adds an entry to the line of its ordering key. @returns whether it is the first */
export function joinLine(lines: Map<string, Line>, entry: Entry): boolean {
  const line = lines.get(entry.orderingKey)
  entry.line = line ?? {first: entry, last: entry, consumer: undefined}
  if (line === undefined) {
    lines.set(entry.orderingKey, entry.line)
    return true
  }
  const {last} = line
  last.next = entry
  line.last = entry
  if (last.state === 'leased' || last.state === 'gone') follow(entry)
  return false
}

/** Offers a message to the consumer that has those before it. */
export function follow(entry: Entry | undefined): void {
  const consumer = entry?.line?.consumer
  if (entry?.state !== 'blocked' || consumer === undefined) return
  consumer.following.push(entry)
  consumer.wake()
}

/** The next message of the same ordering key that is still there. */
export function successor({next}: Entry): Entry | undefined {
  let entry = next
  while (entry?.state === 'gone') entry = entry.next
  return entry
}

/**
 * What follows a message that failed is delivered again, after it.
 * @param release takes the lease from an entry
 */
export function callBack(
  {line, next}: Entry,
  release: (entry: Entry) => Pick<OpenLease, 'onEnd'> | undefined,
): void {
  if (line === undefined) return
  line.consumer = undefined
  for (let entry = next; entry !== undefined; entry = entry.next) {
    if (entry.state !== 'leased') continue
    const lease = release(entry)
    entry.state = 'blocked'
    lease?.onEnd('dropped')
  }
}
