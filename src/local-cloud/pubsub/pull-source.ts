import type {DeliveryQueue, Lease} from './delivery-queue.ts'

/** google.pubsub.v1.ReceivedMessage. */
export type ReceivedMessage = object

/** A subscription that can be pulled from. */
export interface PullSource {
  readonly key: number
  readonly queue: DeliveryQueue
  readonly ordered: boolean
  /** What the client is handed of a message; nothing where it is gone. */
  readonly receive: (lease: Lease) => ReceivedMessage[]
}

/** How many messages one answer carries at the most. */
const MOST_MESSAGES = 1000
/** How much content, well under what a client takes in one gRPC message. */
const LARGEST_ANSWER_BYTES = 4_000_000

/** Takes messages for one answer, as long as `next` gives any. */
export function takeAnswer(
  source: PullSource,
  most: number,
  next: () => Lease | undefined,
): ReceivedMessage[] {
  const received: ReceivedMessage[] = []
  let bytes = 0
  while (received.length < Math.min(most, MOST_MESSAGES) && bytes < LARGEST_ANSWER_BYTES) {
    const lease = next()
    if (lease === undefined) break
    bytes += lease.bytes
    received.push(...source.receive(lease))
  }
  return received
}
