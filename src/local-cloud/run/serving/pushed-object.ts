import type {IncomingMessage} from 'node:http'
import {isJsonObject} from '../../wire/json.ts'

/** A Cloud Storage notification has about ten KiB at most; a longer body is not one. */
const LONGEST_KEPT_BYTES = 64 * 1024

/** Keeps the beginning of a request's body as it passes, to find out which object a push is about. */
export class PushedObject {
  readonly #request: IncomingMessage
  readonly #chunks: Buffer[] = []
  #sizeBytes = 0

  constructor(request: IncomingMessage) {
    this.#request = request
  }

  /** Starts reading along as the body flows to its receiver. */
  follow(): void {
    this.#request.on('data', (chunk: Buffer) => this.#keep(chunk))
  }

  /** Reads what has arrived of a body that has no receiver. */
  readBuffered(): void {
    const chunk: unknown = this.#request.read()
    if (chunk instanceof Buffer) this.#keep(chunk)
  }

  /**
   * The labels that log lines about the object carry: bucket, object and generation of a Cloud Storage notification
   * (cloud.google.com/storage/docs/pubsub-notifications) in a wrapped push (cloud.google.com/pubsub/docs/push), the
   * message id and the number of the attempt.
   * @returns none if the body is something else
   */
  labels(): Record<string, string> {
    if (this.#sizeBytes === 0 || this.#sizeBytes > LONGEST_KEPT_BYTES) return {}
    const envelope = parseJson(Buffer.concat(this.#chunks).toString())
    const message = isJsonObject(envelope) ? envelope['message'] : undefined
    const attributes = isJsonObject(message) ? message['attributes'] : undefined
    if (!isJsonObject(envelope) || !isJsonObject(message) || !isJsonObject(attributes)) return {}
    const {bucketId: bucket, objectId: object, objectGeneration: generation} = attributes
    if (typeof bucket !== 'string' || typeof object !== 'string' || typeof generation !== 'string') return {}
    const {deliveryAttempt: attempt = 1} = envelope
    return {bucket, object, generation, 'message-id': String(message['messageId']), attempt: String(attempt)}
  }

  #keep(chunk: Buffer): void {
    this.#sizeBytes += chunk.length
    if (this.#sizeBytes <= LONGEST_KEPT_BYTES) this.#chunks.push(chunk)
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
