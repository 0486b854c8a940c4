import type {DeliveryQueue} from './delivery-queue.ts'
import type {Lease} from './ordering.ts'

/** google.pubsub.v1.ReceivedMessage. */
export type ReceivedMessage = object

/** A subscription that can be pulled from. */
export interface PullSource {
  readonly key: number
  readonly queue: DeliveryQueue
  readonly ordered: boolean
  /** What the client receives of a message; nothing if it is gone. */
  readonly receive: (lease: Lease) => ReceivedMessage[]
}

/** Maximum number of messages in one response. */
const MOST_MESSAGES = 1000
/** Maximum content in one response, well under the limit of a gRPC message. */
const LARGEST_ANSWER_BYTES = 4_000_000

/** Takes messages for one response until `next` has no more. */
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
