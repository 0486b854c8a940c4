import {ApiError} from '../wire/api-error.ts'
import {boundedMilliseconds, milliseconds} from './durations.ts'
import {parseFilter} from './filter.ts'
import {parseTopicName} from './names.ts'
import type {PushConfig, Subscription} from './resources.ts'

/** Limits and defaults as google/pubsub/v1/pubsub.proto documents them on `Subscription`. */
const ACK_DEADLINE_SECONDS = {least: 10, most: 600, default: 10}
const RETENTION_SECONDS = {least: 600, most: 31 * 86_400}
const DEFAULT_RETENTION = '604800s'
const DEFAULT_TTL = '2678400s'
const SHORTEST_TTL_SECONDS = 86_400
const LONGEST_BACKOFF_SECONDS = 600
const DEFAULT_BACKOFF = {minimumBackoff: '10s', maximumBackoff: '600s'}
const DELIVERY_ATTEMPTS = {least: 5, most: 100, default: 5}

/** The settings of a subscription that control delivery. Times in milliseconds. */
export interface DeliverySettings {
  readonly ackDeadlineMs: number
  readonly retentionMs: number
  readonly retainAcknowledged: boolean
  readonly ordered: boolean
  readonly detached: boolean
  readonly retry: {readonly minimumMs: number; readonly maximumMs: number} | undefined
  readonly deadLetter: {readonly topic: string; readonly attempts: number} | undefined
  readonly push: PushSettings | undefined
  /** Of pull subscriptions only: https://cloud.google.com/pubsub/docs/exactly-once-delivery */
  readonly exactlyOnce: boolean
}

export interface PushSettings {
  readonly endpoint: URL
  readonly token: {readonly email: string; readonly audience: string} | undefined
  readonly unwrapped: {readonly writeMetadata: boolean} | undefined
}

/** The local cloud pushes to this machine only. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname)
}

function parsePush(config: PushConfig | undefined): PushSettings | undefined {
  const text = config?.pushEndpoint ?? ''
  if (text === '') {
    if (config?.oidcToken !== undefined || config?.noWrapper !== undefined)
      throw new ApiError('INVALID_ARGUMENT', 'pushConfig needs a pushEndpoint.')
    return undefined
  }
  const endpoint = URL.canParse(text) ? new URL(text) : undefined
  if (endpoint === undefined || (endpoint.protocol !== 'http:' && endpoint.protocol !== 'https:'))
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Invalid push endpoint given (endpoint=${text}): it must be an http or https URL.`,
    )
  if (!isLoopback(endpoint.hostname))
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Invalid push endpoint given (endpoint=${text}): the local cloud pushes to this machine only, so the host must be 127.0.0.1, localhost or [::1].`,
    )
  const email = config?.oidcToken?.serviceAccountEmail
  if (config?.oidcToken !== undefined && !/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(email ?? ''))
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Invalid service account given in pushConfig.oidcToken (${email ?? ''}).`,
    )
  const audience = config?.oidcToken?.audience ?? ''
  return {
    endpoint,
    token: email === undefined ? undefined : {email, audience: audience === '' ? text : audience},
    unwrapped:
      config?.noWrapper === undefined ? undefined : {writeMetadata: config.noWrapper.writeMetadata ?? false},
  }
}

function refuseUnserved(subscription: object): void {
  for (const field of ['bigqueryConfig', 'cloudStorageConfig', 'bigtableConfig', 'messageTransforms', 'tags'])
    if (Object.hasOwn(subscription, field) && JSON.stringify(Reflect.get(subscription, field)) !== '[]')
      throw new ApiError(
        'UNIMPLEMENTED',
        `Subscriptions with ${field} are not implemented by the local cloud.`,
      )
}

/**
 * A subscription as Google returns it: validated, with defaults for the fields that were not given. An empty
 * `expirationPolicy` means never and stays empty.
 * @throws ApiError INVALID_ARGUMENT that names the field; UNIMPLEMENTED for kinds of subscription that are not served
 */
export function completeSubscription(given: Subscription): Subscription {
  refuseUnserved(given)
  const subscription: Subscription = {
    ...given,
    pushConfig: given.pushConfig ?? {},
    ackDeadlineSeconds:
      (given.ackDeadlineSeconds ?? 0) === 0 ? ACK_DEADLINE_SECONDS.default : (given.ackDeadlineSeconds ?? 0),
    messageRetentionDuration: given.messageRetentionDuration ?? DEFAULT_RETENTION,
    expirationPolicy: given.expirationPolicy ?? {ttl: DEFAULT_TTL},
    state: 'ACTIVE',
    ...(given.retryPolicy === undefined ? {} : {retryPolicy: {...DEFAULT_BACKOFF, ...given.retryPolicy}}),
    ...(given.deadLetterPolicy === undefined
      ? {}
      : {
          deadLetterPolicy: {
            ...given.deadLetterPolicy,
            maxDeliveryAttempts: given.deadLetterPolicy.maxDeliveryAttempts || DELIVERY_ATTEMPTS.default,
          },
        }),
  }
  const ttl = subscription.expirationPolicy?.ttl
  if (ttl !== undefined && ttl !== '' && milliseconds(ttl) < SHORTEST_TTL_SECONDS * 1000)
    throw new ApiError('INVALID_ARGUMENT', `Invalid expirationPolicy.ttl: ${ttl} is shorter than a day.`)
  const {exactlyOnce, push} = deliverySettings(subscription)
  if (exactlyOnce && push !== undefined)
    throw new ApiError('INVALID_ARGUMENT', 'Exactly-once delivery is for pull subscriptions only.')
  parseFilter(subscription.filter ?? '')
  return subscription
}

/** @throws ApiError INVALID_ARGUMENT that names the field that is out of bounds */
export function deliverySettings(subscription: Subscription): DeliverySettings {
  const {ackDeadlineSeconds = ACK_DEADLINE_SECONDS.default, retryPolicy, deadLetterPolicy} = subscription
  if (ackDeadlineSeconds < ACK_DEADLINE_SECONDS.least || ackDeadlineSeconds > ACK_DEADLINE_SECONDS.most)
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Invalid ack deadline given (ackDeadlineSeconds=${ackDeadlineSeconds}). It must be between ${ACK_DEADLINE_SECONDS.least} and ${ACK_DEADLINE_SECONDS.most} seconds.`,
    )
  const {least, most} = RETENTION_SECONDS
  return {
    ackDeadlineMs: ackDeadlineSeconds * 1000,
    retentionMs: boundedMilliseconds(
      'messageRetentionDuration',
      subscription.messageRetentionDuration ?? DEFAULT_RETENTION,
      least,
      most,
    ),
    retainAcknowledged: subscription.retainAckedMessages ?? false,
    ordered: subscription.enableMessageOrdering ?? false,
    detached: subscription.detached ?? false,
    retry: retryPolicy && parseRetry({...DEFAULT_BACKOFF, ...retryPolicy}),
    deadLetter: deadLetterPolicy && parseDeadLetter(deadLetterPolicy),
    push: parsePush(subscription.pushConfig),
    exactlyOnce: subscription.enableExactlyOnceDelivery ?? false,
  }
}

function parseRetry(policy: {minimumBackoff: string; maximumBackoff: string}): DeliverySettings['retry'] {
  const minimumMs = boundedMilliseconds(
    'retryPolicy.minimumBackoff',
    policy.minimumBackoff,
    0,
    LONGEST_BACKOFF_SECONDS,
  )
  const maximumMs = boundedMilliseconds(
    'retryPolicy.maximumBackoff',
    policy.maximumBackoff,
    0,
    LONGEST_BACKOFF_SECONDS,
  )
  if (minimumMs > maximumMs)
    throw new ApiError(
      'INVALID_ARGUMENT',
      'Invalid retryPolicy: minimumBackoff is longer than maximumBackoff.',
    )
  return {minimumMs, maximumMs}
}

function parseDeadLetter(
  policy: NonNullable<Subscription['deadLetterPolicy']>,
): DeliverySettings['deadLetter'] {
  const topic = policy.deadLetterTopic ?? ''
  parseTopicName(topic)
  const attempts = policy.maxDeliveryAttempts ?? DELIVERY_ATTEMPTS.default
  if (attempts < DELIVERY_ATTEMPTS.least || attempts > DELIVERY_ATTEMPTS.most)
    throw new ApiError(
      'OUT_OF_RANGE',
      `Invalid deadLetterPolicy.maxDeliveryAttempts: ${attempts} is not between ${DELIVERY_ATTEMPTS.least} and ${DELIVERY_ATTEMPTS.most}.`,
    )
  return {topic, attempts}
}

/** Rejects a topic's message retention outside 10 minutes to 31 days. @returns milliseconds, 0 if none is set */
export function topicRetentionMs(duration: string | undefined): number {
  if (duration === undefined || duration === '') return 0
  return boundedMilliseconds(
    'messageRetentionDuration',
    duration,
    RETENTION_SECONDS.least,
    RETENTION_SECONDS.most,
  )
}
