import type {AccessControl, ServiceAgents} from '../iam/access.ts'
import type {Publishing} from '../pubsub/publishing.ts'
import type {State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Clock} from '../wire/clock.ts'
import {isJsonObject, type JsonObject} from '../wire/json.ts'
import type {Bucket} from './bucket.ts'
import {StorageError, invalid, missingParameter} from './errors.ts'
import {objectJson} from './object-resource.ts'
import type {RetryTests} from './retry-tests.ts'
import type {StoredObject} from './stored-object.ts'
import {integer, storedJson, type Row} from '../state/rows.ts'

const EVENT_TYPES = ['OBJECT_FINALIZE', 'OBJECT_METADATA_UPDATE', 'OBJECT_DELETE', 'OBJECT_ARCHIVE'] as const
type EventType = (typeof EVENT_TYPES)[number]

/** A notification configuration as it is kept. */
export interface NotificationConfig {
  readonly id: number
  /** `projects/P/topics/T` */
  readonly topic: string
  readonly payloadFormat: 'JSON_API_V1' | 'NONE'
  /** All if none is named. */
  readonly eventTypes: readonly string[]
  readonly customAttributes: Readonly<Record<string, string>>
  readonly objectNamePrefix: string
  /** As it was sent. */
  readonly fields: JsonObject
}

/** What happened to an object. */
interface ObjectEvent {
  readonly type: EventType
  readonly object: StoredObject
  readonly overwroteGeneration?: number
  readonly overwrittenByGeneration?: number
}

/** Limits of https://cloud.google.com/storage/docs/pubsub-notifications */
const MAX_CONFIGS_OF_BUCKET = 100
const MAX_CONFIGS_OF_EVENT_TYPE = 10
const MAX_CUSTOM_ATTRIBUTES = 10

const TOPIC_PREFIX = '//pubsub.googleapis.com/'

/** Publishes object changes to topics. */
export interface Notifications {
  list(bucket: string): NotificationConfig[]
  find(bucket: string, id: number): NotificationConfig | undefined
  /**
   * Inside a `State.write`.
   * @throws StorageError 400 if the configuration is not valid or there are too many, 403 if Cloud Storage's
   * service agent may not publish to the topic
   */
  insert(bucket: Bucket, body: JsonObject): NotificationConfig
  /** Inside a `State.write`. */
  remove(bucket: string, id: number): void
  /** Forgets the configurations of a deleted bucket; inside a `State.write`. */
  forget(bucket: string): void
  /**
   * Publishes the event to each topic that wants it, inside the `State.write` of the change itself. If the topic
   * or the grant is gone the event is dropped, as Google eventually does.
   * @param origin what links in the payload begin with
   */
  publish(bucket: Bucket, event: ObjectEvent, origin: string): void
}

export function createNotifications({
  state,
  clock,
  access,
  agents,
  publishing,
  retryTests,
}: {
  state: State
  clock: Clock
  access: AccessControl
  agents: ServiceAgents
  publishing: Publishing
  retryTests: Pick<RetryTests, 'has'>
}): Notifications {
  const {database} = state
  const selectAll = database.prepare(
    'SELECT id, fields FROM storage_notifications WHERE bucket = ? ORDER BY id',
  )
  const select = database.prepare('SELECT id, fields FROM storage_notifications WHERE bucket = ? AND id = ?')
  const insert = database.prepare('INSERT INTO storage_notifications (bucket, id, fields) VALUES (?, ?, ?)')
  const remove = database.prepare('DELETE FROM storage_notifications WHERE bucket = ? AND id = ?')
  const removeAll = database.prepare('DELETE FROM storage_notifications WHERE bucket = ?')
  const takeId = database.prepare(
    'UPDATE storage_buckets SET last_notification = last_notification + 1 WHERE name = ? RETURNING last_notification',
  )

  /** A refusal is kept with the other denials: it is the only trace of a dropped event. */
  const mayPublish = (bucket: Bucket, topic: string): boolean => {
    try {
      access.require(`serviceAccount:${agents.storage(bucket.project)}`, 'pubsub.topics.publish', topic)
      return true
    } catch (error) {
      if (error instanceof ApiError) return false
      throw error
    }
  }

  const list = (bucket: string): NotificationConfig[] => selectAll.all(bucket).map((row) => configOfRow(row))

  return {
    list,
    find(bucket, id) {
      const row = select.get(bucket, id)
      return row === undefined ? undefined : configOfRow(row)
    },
    insert(bucket, body) {
      const config = parseConfig(0, body)
      checkCounts(list(bucket.name), config)
      // As in storage-testbench: the retry tests of Google's clients create notifications without a topic.
      const isTestingRetries = retryTests.has()
      if (!isTestingRetries && !publishing.hasTopic(config.topic)) {
        throw invalid(
          `Cloud Pub/Sub topic ${config.topic} not found. Create it, then configure the notification.`,
        )
      }
      if (!isTestingRetries && !mayPublish(bucket, config.topic)) {
        throw new StorageError(
          403,
          'forbidden',
          // The doubled word is Google's, and people match on it.
          `The service account '${agents.storage(bucket.project)}' does not have permission to publish messages to ` +
            `to the Cloud Pub/Sub topic '${TOPIC_PREFIX}${config.topic}', or that topic does not exist. ` +
            `Grant it roles/pubsub.publisher on the topic.`,
        )
      }
      const row = takeId.get(bucket.name)
      const id = row === undefined ? 1 : integer(row, 'last_notification')
      insert.run(bucket.name, id, JSON.stringify(config.fields))
      return {...config, id}
    },
    remove: (bucket, id) => void remove.run(bucket, id),
    forget: (bucket) => void removeAll.run(bucket),
    publish(bucket, event, origin) {
      for (const config of list(bucket.name)) {
        if (config.eventTypes.length > 0 && !config.eventTypes.includes(event.type)) continue
        if (!event.object.name.startsWith(config.objectNamePrefix)) continue
        if (!publishing.hasTopic(config.topic) || !mayPublish(bucket, config.topic)) continue
        publishing.publishInTransaction(config.topic, [
          messageOf(config, event, {bucket, origin, now: clock.now()}),
        ])
      }
    },
  }
}

/** The message, with exactly the attributes of https://cloud.google.com/storage/docs/pubsub-notifications#attributes */
function messageOf(
  config: NotificationConfig,
  event: ObjectEvent,
  context: {bucket: Bucket; origin: string; now: number},
) {
  const {type, object, overwroteGeneration, overwrittenByGeneration} = event
  const attributes: Record<string, string> = {
    ...config.customAttributes,
    notificationConfig: `projects/_/buckets/${object.bucket}/notificationConfigs/${config.id}`,
    eventType: type,
    payloadFormat: config.payloadFormat,
    bucketId: object.bucket,
    objectId: object.name,
    objectGeneration: String(object.generation),
    eventTime: new Date(context.now).toISOString(),
    ...(overwroteGeneration === undefined ? {} : {overwroteGeneration: String(overwroteGeneration)}),
    ...(overwrittenByGeneration === undefined
      ? {}
      : {overwrittenByGeneration: String(overwrittenByGeneration)}),
  }
  if (config.payloadFormat === 'NONE') return {attributes}
  const payload = `${JSON.stringify(objectJson(object, context.origin, context.bucket), undefined, 2)}\n`
  return {attributes, data: Buffer.from(payload).toString('base64')}
}

function configOfRow(row: Row): NotificationConfig {
  return parseConfig(integer(row, 'id'), storedJson(row, 'fields'))
}

/** @throws StorageError 400 */
function parseConfig(id: number, body: JsonObject): NotificationConfig {
  const {
    topic,
    payload_format: payloadFormat,
    event_types: eventTypes = [],
    custom_attributes: attributes = {},
  } = body
  const prefix = body['object_name_prefix'] ?? ''
  if (typeof topic !== 'string') throw missingParameter('topic')
  const topicName = topic.startsWith(TOPIC_PREFIX) ? topic.slice(TOPIC_PREFIX.length) : topic
  if (!/^projects\/[^/]+\/topics\/[^/]+$/.test(topicName)) {
    throw invalid(
      `Invalid Google Cloud Pub/Sub topic '${topic}'; it has the form ${TOPIC_PREFIX}projects/P/topics/T.`,
    )
  }
  if (payloadFormat === undefined) throw missingParameter('payload_format')
  if (payloadFormat !== 'JSON_API_V1' && payloadFormat !== 'NONE') {
    throw invalid(`Invalid payload_format ${JSON.stringify(payloadFormat)}; it is JSON_API_V1 or NONE.`)
  }
  if (typeof prefix !== 'string') throw invalid('Invalid object_name_prefix: it is not a string.')
  return {
    id,
    topic: topicName,
    payloadFormat,
    eventTypes: parseEventTypes(eventTypes),
    customAttributes: parseAttributes(attributes),
    objectNamePrefix: prefix,
    fields: {
      topic: `${TOPIC_PREFIX}${topicName}`,
      payload_format: payloadFormat,
      ...(body['event_types'] === undefined ? {} : {event_types: eventTypes}),
      ...(body['custom_attributes'] === undefined ? {} : {custom_attributes: attributes}),
      ...(body['object_name_prefix'] === undefined ? {} : {object_name_prefix: prefix}),
    },
  }
}

function parseEventTypes(value: unknown): string[] {
  if (!Array.isArray(value)) throw invalid('Invalid event_types: it is not a list.')
  return value.map((type: unknown) => {
    const known = EVENT_TYPES.find((name) => name === type)
    if (known === undefined) {
      throw invalid(
        `Invalid event type ${JSON.stringify(type)}; it must be one of ${EVENT_TYPES.join(', ')}.`,
      )
    }
    return known
  })
}

function parseAttributes(value: unknown): Record<string, string> {
  if (!isJsonObject(value)) throw invalid('Invalid custom_attributes: it is not a map.')
  const entries = Object.entries(value).map(([key, entry]): [string, string] => {
    if (typeof entry !== 'string') throw invalid(`Invalid custom attribute ${key}: it is not a string.`)
    return [key, entry]
  })
  if (entries.length > MAX_CUSTOM_ATTRIBUTES) {
    throw invalid(`A notification configuration has at most ${MAX_CUSTOM_ATTRIBUTES} custom attributes.`)
  }
  return Object.fromEntries(entries)
}

/** @throws StorageError 400 */
function checkCounts(present: readonly NotificationConfig[], added: NotificationConfig): void {
  if (present.length >= MAX_CONFIGS_OF_BUCKET) {
    throw invalid(`A bucket has at most ${MAX_CONFIGS_OF_BUCKET} notification configurations.`)
  }
  const wants = (config: NotificationConfig, type: string): boolean =>
    config.eventTypes.length === 0 || config.eventTypes.includes(type)
  for (const type of EVENT_TYPES) {
    const count = present.filter((config) => wants(config, type)).length
    if (wants(added, type) && count >= MAX_CONFIGS_OF_EVENT_TYPE) {
      throw invalid(
        `A bucket has at most ${MAX_CONFIGS_OF_EVENT_TYPE} notification configurations for ${type}.`,
      )
    }
  }
}
