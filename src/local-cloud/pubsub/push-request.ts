import {type MessageText, parseMessage, type StoredMessage} from './message-store.ts'
import type {PushSettings} from './subscription-settings.ts'
import {HEADER_NAME} from '../wire/header-name.ts'

/** Attributes that cannot be an HTTP header. */
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
  /** Lines, without those that every request to the endpoint has; first the authorization, if there is one. */
  readonly headers: string
  readonly body: string | Buffer
}

/**
 * The request for a message (https://cloud.google.com/pubsub/docs/push#receive_push and
 * https://cloud.google.com/pubsub/docs/payload-unwrapping).
 * @param attempt only if the subscription has a dead-letter policy
 */
export function formatPush(
  subscription: string,
  text: MessageText,
  {
    settings,
    attempt,
    token,
  }: {settings: PushSettings; attempt: number | undefined; token: string | undefined},
): PushRequest {
  const {unwrapped} = settings
  let body: string | Buffer
  let headers = token === undefined ? '' : `authorization: Bearer ${token}\r\n`
  headers += 'user-agent: CloudPubSub-Google\r\naccept: application/json\r\n'
  if (unwrapped === undefined) body = wrapped(subscription, text, attempt)
  else {
    const message = parseMessage(text)
    body = Buffer.from(message.data ?? '', 'base64')
    const metadata = unwrapped.writeMetadata ? metadataHeaders(subscription, message, attempt) : {}
    for (const [name, value] of Object.entries(metadata)) headers += `${name}: ${value}\r\n`
  }
  const type = unwrapped === undefined ? 'content-type: application/json\r\n' : ''
  return {headers: `${headers}${type}content-length: ${Buffer.byteLength(body)}\r\n`, body}
}

/** The message is JSON already: to parse it and to write it again costs as much as to send it. */
function wrapped(
  subscription: string,
  {messageId, publishTime, orderingKey, content}: MessageText,
  attempt: number | undefined,
): string {
  const delivery = attempt === undefined ? '' : `"deliveryAttempt":${attempt},`
  const ordering = orderingKey === '' ? '' : `,"ordering_key":${JSON.stringify(orderingKey)}`
  return `{${delivery}"message":${content.slice(0, -1)}${ordering},"messageId":"${messageId}","message_id":"${messageId}","publishTime":"${publishTime}","publish_time":"${publishTime}"},"subscription":${JSON.stringify(subscription)}}`
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
