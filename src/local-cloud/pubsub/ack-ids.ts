import {ApiError} from '../wire/api-error.ts'

/** What an ack id identifies: one delivery of one message to one subscription. */
export interface AckId {
  /** Row of the subscription. */
  readonly subscription: number
  readonly message: number
  /** Number of the delivery, counted since the local cloud started. */
  readonly lease: number
}

export function formatAckId({subscription, message, lease}: AckId): string {
  return Buffer.from(`${subscription}.${message}.${lease}`).toString('base64url')
}

/** @throws ApiError INVALID_ARGUMENT for an id that this subscription never issued */
export function parseAckId(text: string, subscription: number): AckId {
  const groups = /^(?<subscription>\d+)\.(?<message>\d+)\.(?<lease>\d+)$/.exec(
    Buffer.from(text, 'base64url').toString('latin1'),
  )?.groups
  if (groups === undefined || Number(groups['subscription']) !== subscription)
    throw new ApiError(
      'INVALID_ARGUMENT',
      `You have passed an invalid ack ID to the service (ack_id=${text}).`,
    )
  return {subscription, message: Number(groups['message']), lease: Number(groups['lease'])}
}
