import type {StoredMessage} from './message-store.ts'
import type {PushSettings} from './subscription-settings.ts'

/** Attributes that cannot be an HTTP header. */
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const OWN_HEADERS = new Set([
  'authorization',
  'connection',
  'content-length',
  'content-type',
  'host',
  'transfer-encoding',
])

/** A delivery as an HTTP request. */
export interface PushRequest {
  readonly headers: Record<string, string>
  readonly body: string | Buffer
}

/**
 * The request for a message (https://cloud.google.com/pubsub/docs/push#receive_push and
 * https://cloud.google.com/pubsub/docs/payload-unwrapping).
 * @param attempt only if the subscription has a dead-letter policy
 */
export function formatPush(
  subscription: string,
  message: StoredMessage,
  {
    settings,
    attempt,
    token,
  }: {settings: PushSettings; attempt: number | undefined; token: string | undefined},
): PushRequest {
  const common = {
    'user-agent': 'CloudPubSub-Google',
    accept: 'application/json',
    ...(token === undefined ? {} : {authorization: `Bearer ${token}`}),
  }
  const {attributes, data, messageId, publishTime, orderingKey} = message
  if (settings.unwrapped !== undefined) {
    const body = Buffer.from(data ?? '', 'base64')
    const metadata = settings.unwrapped.writeMetadata ? metadataHeaders(subscription, message, attempt) : {}
    return {headers: {...metadata, ...common, 'content-length': String(body.length)}, body}
  }
  const body = JSON.stringify({
    ...(attempt === undefined ? {} : {deliveryAttempt: attempt}),
    message: {
      ...(attributes === undefined ? {} : {attributes}),
      ...(data === undefined ? {} : {data}),
      messageId,
      message_id: messageId,
      ...(orderingKey === undefined ? {} : {orderingKey, ordering_key: orderingKey}),
      publishTime,
      publish_time: publishTime,
    },
    subscription,
  })
  return {
    headers: {
      ...common,
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
    },
    body,
  }
}

function metadataHeaders(
  subscription: string,
  {attributes = {}, messageId, publishTime, orderingKey}: StoredMessage,
  attempt: number | undefined,
): Record<string, string> {
  const plain = Object.entries(attributes).filter(
    ([name, value]) =>
      HEADER_NAME.test(name) && HEADER_VALUE.test(value) && !OWN_HEADERS.has(name.toLowerCase()),
  )
  return {
    ...Object.fromEntries(plain),
    'x-goog-pubsub-subscription-name': subscription,
    'x-goog-pubsub-message-id': messageId,
    'x-goog-pubsub-publish-time': publishTime,
    ...(orderingKey === undefined || !HEADER_VALUE.test(orderingKey)
      ? {}
      : {'x-goog-pubsub-ordering-key': orderingKey}),
    ...(attempt === undefined ? {} : {'x-goog-pubsub-delivery-attempt': String(attempt)}),
  }
}
