import type {ClientRequest, RequestOptions} from 'node:http'
import {Agent as HttpsAgent, request as httpsRequest} from 'node:https'
import {Agent as HttpAgent, request as httpRequest} from '../node-http.ts'
import {codeOf} from '../system-error.ts'
import type {StoredMessage} from './message-store.ts'
import type {PushSettings} from './subscription-settings.ts'

/** https://cloud.google.com/pubsub/docs/push#receive_push; redirects are not followed. */
const ACKNOWLEDGING = new Set([200, 201, 202, 204])
const PROCESSING = 102
/** Reads no more of a response than this; the connection is dropped instead. */
const LONGEST_ANSWER_BYTES = 64 * 1024
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

/** Connections to push endpoints, kept open between messages. */
export class PushConnections implements Disposable {
  readonly #http = new HttpAgent({keepAlive: true})
  readonly #https = new HttpsAgent({keepAlive: true})

  /**
   * Posts a delivery.
   * @param signal aborts it, which counts as refused
   * @returns whether the endpoint acknowledged the message; never throws
   */
  async post(endpoint: URL, push: PushRequest, signal: AbortSignal): Promise<boolean> {
    try {
      const outcome = await this.#send(endpoint, push, signal)
      // The server closed a kept-alive connection just as it was reused: not the message's fault.
      if (outcome === 'stale') return (await this.#send(endpoint, push, signal)) === 'acknowledged'
      return outcome === 'acknowledged'
    } catch {
      // It could not even be turned into a request.
      return false
    }
  }

  #send(
    endpoint: URL,
    {headers, body}: PushRequest,
    signal: AbortSignal,
  ): Promise<'acknowledged' | 'refused' | 'stale'> {
    return new Promise((resolve) => {
      const request = this.#open(endpoint, {method: 'POST', headers, signal})
      request.on('information', ({statusCode}) => {
        if (statusCode === PROCESSING) resolve('acknowledged')
      })
      request.on('response', (response) => {
        resolve(ACKNOWLEDGING.has(response.statusCode ?? 0) ? 'acknowledged' : 'refused')
        let bytes = 0
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes > LONGEST_ANSWER_BYTES) response.destroy()
        })
        response.on('error', () => response.destroy())
      })
      request.on('error', (error) => {
        const code = codeOf(error)
        const isReset = code === 'ECONNRESET' || code === 'EPIPE'
        resolve(isReset && request.reusedSocket && !signal.aborted ? 'stale' : 'refused')
      })
      request.end(body)
    })
  }

  #open(endpoint: URL, options: RequestOptions): ClientRequest {
    return endpoint.protocol === 'https:'
      ? httpsRequest(endpoint, {...options, agent: this.#https})
      : httpRequest(endpoint, {...options, agent: this.#http})
  }

  [Symbol.dispose](): void {
    this.#http.destroy()
    this.#https.destroy()
  }
}
