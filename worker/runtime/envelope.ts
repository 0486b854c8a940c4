import {RESULT_METADATA} from '../contract.ts'
import {type ObjectMetadata, toMetadata} from './storage/index.ts'

/** What Cloud Storage reported about one generation of an object. */
export interface ObjectEvent {
  readonly eventType: string
  readonly bucket: string
  readonly object: string
  /** Decimal text: generations exceed 2^53. */
  readonly generation: string
  /** Present if the user requested this generation to be processed again. */
  readonly reprocessId: string | undefined
}

/** One delivery of one notification. */
export interface Delivery {
  readonly messageId: string
  /** RFC 3339. */
  readonly publishTime: string
  /** Counted from 1. Pub/Sub counts only if the subscription has a dead-letter policy; 1 if it does not. */
  readonly attempt: number
  /** Project of the subscription. */
  readonly project: string | undefined
  readonly event: ObjectEvent
  /** The object as it was then, if the notification describes it, and the generation of that description. */
  readonly described?: {readonly metadata: ObjectMetadata; readonly metageneration: string} | undefined
}

/** A request body that is not a Cloud Storage notification: a retry would not help. */
export class MalformedEnvelope extends Error {
  override readonly name = 'MalformedEnvelope'
}

/**
 * Reads the body of a wrapped Pub/Sub push (cloud.google.com/pubsub/docs/push) that carries a Cloud Storage
 * notification (cloud.google.com/storage/docs/pubsub-notifications). Accepts camelCase and snake_case names.
 * @throws MalformedEnvelope that names the field
 */
export function parsePush(body: Buffer): Delivery {
  const envelope = record(parseJson(body), 'the body')
  const message = record(envelope['message'], 'message')
  const attributes = record(message['attributes'], 'message.attributes')
  const generation = text(attributes['objectGeneration'], 'message.attributes.objectGeneration')
  if (!/^[1-9]\d{0,18}$/.test(generation)) {
    throw new MalformedEnvelope(`message.attributes.objectGeneration is "${generation}", not a generation.`)
  }
  const publishTime = text(message['publishTime'] ?? message['publish_time'], 'message.publishTime')
  if (Number.isNaN(Date.parse(publishTime))) {
    throw new MalformedEnvelope(`message.publishTime is "${publishTime}", not a time.`)
  }
  const attempt = envelope['deliveryAttempt'] ?? envelope['delivery_attempt'] ?? 1
  if (typeof attempt !== 'number' || !Number.isSafeInteger(attempt) || attempt < 1) {
    throw new MalformedEnvelope('deliveryAttempt is not a positive integer.')
  }
  const reprocessId = attributes[RESULT_METADATA.reprocessId]
  return {
    messageId: text(message['messageId'] ?? message['message_id'], 'message.messageId'),
    publishTime,
    attempt,
    project: projectOf(envelope['subscription']),
    described: descriptionIn(message['data'], generation),
    event: {
      eventType: text(attributes['eventType'], 'message.attributes.eventType'),
      bucket: text(attributes['bucketId'], 'message.attributes.bucketId'),
      object: text(attributes['objectId'], 'message.attributes.objectId'),
      generation,
      reprocessId:
        reprocessId === undefined
          ? undefined
          : text(reprocessId, `message.attributes.${RESULT_METADATA.reprocessId}`),
    },
  }
}

/** The object in a payload of the format JSON_API_V1; `undefined` if there is none, or it is another generation's. */
function descriptionIn(data: unknown, generation: string): Delivery['described'] {
  if (typeof data !== 'string' || data === '') return undefined
  try {
    const resource: unknown = JSON.parse(Buffer.from(data, 'base64').toString('utf8'))
    const {metageneration}: {metageneration?: unknown} = Object(resource)
    const metadata = toMetadata(resource)
    return typeof metageneration === 'string' && metadata.generation === generation
      ? {metadata, metageneration}
      : undefined
  } catch {
    return undefined
  }
}

/**
 * Reads a `Delivery` that another worker wrote as JSON.
 * @throws MalformedEnvelope that names the field
 */
export function parseDelivery(json: string): Delivery {
  const delivery = record(parseJson(Buffer.from(json)), 'the delivery')
  const event = record(delivery['event'], 'event')
  const {attempt, project} = delivery
  if (typeof attempt !== 'number') throw new MalformedEnvelope('attempt is not a number.')
  const {reprocessId} = event
  return {
    messageId: text(delivery['messageId'], 'messageId'),
    publishTime: text(delivery['publishTime'], 'publishTime'),
    attempt,
    project: typeof project === 'string' ? project : undefined,
    event: {
      eventType: text(event['eventType'], 'event.eventType'),
      bucket: text(event['bucket'], 'event.bucket'),
      object: text(event['object'], 'event.object'),
      generation: text(event['generation'], 'event.generation'),
      reprocessId: reprocessId === undefined ? undefined : text(reprocessId, 'event.reprocessId'),
    },
  }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (error) {
    throw new MalformedEnvelope('the body is not JSON.', {cause: error})
  }
}

function record(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MalformedEnvelope(`${name} is ${value === undefined ? 'missing' : 'not an object'}.`)
  }
  return {...value}
}

function text(value: unknown, name: string): string {
  if (typeof value === 'string' && value !== '') return value
  throw new MalformedEnvelope(`${name} is ${value === undefined ? 'missing' : 'not a non-empty string'}.`)
}

function projectOf(subscription: unknown): string | undefined {
  return typeof subscription === 'string' ? /^projects\/([^/]+)\//.exec(subscription)?.[1] : undefined
}
