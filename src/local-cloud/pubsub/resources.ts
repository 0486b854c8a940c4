import type {SchemaSettings} from './schema-store.ts'

/** google.pubsub.v1.Topic in proto3 JSON, as far as it is served. */
export interface Topic {
  name: string
  labels?: Record<string, string>
  messageStoragePolicy?: object
  messageRetentionDuration?: string
  schemaSettings?: SchemaSettings
}

/** google.pubsub.v1.PushConfig. */
export interface PushConfig {
  pushEndpoint?: string
  attributes?: Record<string, string>
  oidcToken?: {serviceAccountEmail?: string; audience?: string}
  pubsubWrapper?: object
  noWrapper?: {writeMetadata?: boolean}
}

/** google.pubsub.v1.Subscription. */
export interface Subscription {
  name: string
  topic: string
  pushConfig?: PushConfig
  ackDeadlineSeconds?: number
  retainAckedMessages?: boolean
  messageRetentionDuration?: string
  labels?: Record<string, string>
  enableMessageOrdering?: boolean
  enableExactlyOnceDelivery?: boolean
  expirationPolicy?: {ttl?: string}
  filter?: string
  deadLetterPolicy?: {deadLetterTopic?: string; maxDeliveryAttempts?: number}
  retryPolicy?: {minimumBackoff?: string; maximumBackoff?: string}
  detached?: boolean
  state?: string
  topicMessageRetentionDuration?: string
  /** Of a snapshot, which is kept as a subscription that nobody receives from: a seek brings its backlog back. */
  expireTime?: string
}

/** What a subscription shows as its topic after the topic is deleted. */
export const DELETED_TOPIC = '_deleted-topic_'

/** What Google names as the schema of a topic whose schema was deleted. */
export const DELETED_SCHEMA = '_deleted-schema_'
