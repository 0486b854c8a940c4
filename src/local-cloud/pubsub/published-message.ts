import {ApiError} from '../wire/api-error.ts'
import type {NewMessage} from './publishing.ts'

/** https://cloud.google.com/pubsub/quotas#resource_limits */
const MOST_MESSAGES = 1000
const LARGEST_REQUEST_BYTES = 10_000_000
const MOST_ATTRIBUTES = 100
const LONGEST_KEY_BYTES = 256
const LONGEST_VALUE_BYTES = 1024
const LONGEST_ORDERING_KEY_BYTES = 1024

/** Size in bytes of base64 data. */
function dataBytes(data: string | undefined): number {
  return data === undefined ? 0 : Buffer.byteLength(data, 'base64')
}

/** Size in bytes of a message, as billed and limited: data, attributes, ordering key. */
export function messageBytes({data, attributes, orderingKey = ''}: NewMessage): number {
  let bytes = dataBytes(data) + Buffer.byteLength(orderingKey)
  for (const key of Object.keys(attributes ?? {}))
    bytes += Buffer.byteLength(key) + Buffer.byteLength(attributes?.[key] ?? '')
  return bytes
}

/** A character has three bytes at most. */
function isLonger(text: string, bytes: number): boolean {
  return text.length * 3 > bytes && Buffer.byteLength(text) > bytes
}

function checkAttributes(attributes: Readonly<Record<string, string>>): void {
  const keys = Object.keys(attributes)
  if (keys.length > MOST_ATTRIBUTES)
    throw new ApiError(
      'INVALID_ARGUMENT',
      `A message has ${keys.length} attributes; at most ${MOST_ATTRIBUTES} are allowed.`,
    )
  for (const key of keys) {
    if (key === '' || key.startsWith('goog') || isLonger(key, LONGEST_KEY_BYTES))
      throw new ApiError(
        'INVALID_ARGUMENT',
        `The attribute key "${key.slice(0, LONGEST_KEY_BYTES)}" is empty, begins with "goog" or has more than ${LONGEST_KEY_BYTES} bytes.`,
      )
    if (isLonger(attributes[key] ?? '', LONGEST_VALUE_BYTES))
      throw new ApiError(
        'INVALID_ARGUMENT',
        `The value of the attribute "${key}" has more than ${LONGEST_VALUE_BYTES} bytes.`,
      )
  }
}

/**
 * Checks the messages of a publish request against Google's limits and keeps only what a publisher may set.
 * @throws ApiError INVALID_ARGUMENT
 */
export function checkMessages(messages: readonly NewMessage[]): NewMessage[] {
  if (messages.length === 0)
    throw new ApiError('INVALID_ARGUMENT', 'The publish request must contain at least one message.')
  if (messages.length > MOST_MESSAGES)
    throw new ApiError(
      'INVALID_ARGUMENT',
      `The value for message_count is too large. You passed ${messages.length} in the request, but the maximum value is ${MOST_MESSAGES}.`,
    )
  const bytes = messages.reduce((sum, message) => sum + messageBytes(message), 0)
  if (bytes > LARGEST_REQUEST_BYTES)
    throw new ApiError(
      'INVALID_ARGUMENT',
      `The value for request_size is too large. You passed ${bytes} in the request, but the maximum value is ${LARGEST_REQUEST_BYTES}.`,
    )
  return messages.map(({data = '', attributes = {}, orderingKey = ''}) => {
    checkAttributes(attributes)
    const attributed = Object.keys(attributes).length > 0
    if (data === '' && !attributed)
      throw new ApiError(
        'INVALID_ARGUMENT',
        'One or more messages in the publish request is empty. Each message must contain either non-empty data, or at least one attribute.',
      )
    if (isLonger(orderingKey, LONGEST_ORDERING_KEY_BYTES))
      throw new ApiError(
        'INVALID_ARGUMENT',
        `An ordering key has more than ${LONGEST_ORDERING_KEY_BYTES} bytes.`,
      )
    return {
      ...(attributed ? {attributes} : {}),
      ...(data === '' ? {} : {data}),
      ...(orderingKey === '' ? {} : {orderingKey}),
    }
  })
}
