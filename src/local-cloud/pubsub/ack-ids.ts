import {ApiError} from '../wire/api-error.ts'
import type {Delivered} from './ordering.ts'

/** What an ack id identifies: one delivery to one subscription. */
export interface AckId extends Delivered {
  readonly text: string
}

/** @param subscription its row */
export function formatAckId(subscription: number, {message, number}: Delivered): string {
  return Buffer.from(`${subscription}.${message}.${number}`).toString('base64url')
}

/** @throws ApiError INVALID_ARGUMENT for an id that this subscription never issued */
export function parseAckId(text: string, subscription: number): AckId {
  const groups = /^(?<subscription>\d+)\.(?<message>\d+)\.(?<number>\d+)$/.exec(
    Buffer.from(text, 'base64url').toString('latin1'),
  )?.groups
  if (groups === undefined || Number(groups['subscription']) !== subscription)
    throw new ApiError(
      'INVALID_ARGUMENT',
      `You have passed an invalid ack ID to the service (ack_id=${text}).`,
    )
  return {text, message: Number(groups['message']), number: Number(groups['number'])}
}

/** @throws ApiError INVALID_ARGUMENT with an entry for each id, as exactly-once delivery has it */
export function refuse(ackIds: readonly string[]): void {
  if (ackIds.length === 0) return
  throw new ApiError(
    'INVALID_ARGUMENT',
    'Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids have expired or the acknowledgement ids were malformed.',
    [
      {
        '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
        reason: 'EXACTLY_ONCE_ACKID_FAILURE',
        domain: 'pubsub.googleapis.com',
        metadata: Object.fromEntries(ackIds.map((ackId) => [ackId, 'PERMANENT_FAILURE_INVALID_ACK_ID'])),
      },
    ],
  )
}
