import type {AccessControl} from '../iam/access.ts'
import type {State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Call, Principal} from '../wire/call.ts'
import type {Clock} from '../wire/clock.ts'
import {applyFieldMask, parseFieldMask} from '../wire/field-mask.ts'
import type {PageRequest} from '../wire/paging.ts'
import type {RpcService} from '../wire/rpc.ts'
import type {Deliveries} from './deliveries.ts'
import type {MessageStore} from './message-store.ts'
import {
  checkProjectName,
  notFound,
  parseSnapshotName,
  parseSubscriptionName,
  parseTopicName,
} from './names.ts'
import {pageByName} from './paging.ts'
import type {MessagePublisher} from './message-publisher.ts'
import type {NewMessage} from './publishing.ts'
import type {ResourceStore, StoredSubscription} from './resource-store.ts'
import type {PushConfig, Subscription} from './resources.ts'
import {completeSubscription} from './subscription-settings.ts'

/** Filter, ordering and topic are immutable. The last three are rejected if they have a value. */
const UPDATABLE = new Set([
  'ackDeadlineSeconds',
  'deadLetterPolicy',
  'expirationPolicy',
  'labels',
  'messageRetentionDuration',
  'pushConfig',
  'retainAckedMessages',
  'retryPolicy',
  'enableExactlyOnceDelivery',
  'bigqueryConfig',
  'bigtableConfig',
  'cloudStorageConfig',
])

export interface SubscriptionAdminDependencies {
  readonly state: State
  readonly clock: Clock
  readonly access: AccessControl
  readonly resources: ResourceStore
  readonly messages: MessageStore
  readonly publisher: MessagePublisher
  readonly deliveries: Deliveries
}

/** The methods of google.pubsub.v1.Subscriber that manage subscriptions. */
export function createSubscriptionAdmin({
  state,
  clock,
  access,
  resources,
  messages,
  publisher,
  deliveries,
}: SubscriptionAdminDependencies): RpcService['unary'] {
  /** The response: includes the topic's own retention, if set. */
  function shown({topic, resource}: StoredSubscription): object {
    const retention =
      topic === undefined ? undefined : resources.findTopic(resource.topic)?.resource.messageRetentionDuration
    return retention === undefined ? resource : {...resource, topicMessageRetentionDuration: retention}
  }

  /** Making a subscription push as a service account requires permission to act as it. */
  function requireActAs(principal: Principal, push: PushConfig | undefined): void {
    const email = push?.oidcToken?.serviceAccountEmail
    if (email === undefined) return
    const project = /@(?<project>[^.]+)\.iam\.gserviceaccount\.com$/.exec(email)?.groups?.['project'] ?? '-'
    access.require(principal, 'iam.serviceAccounts.actAs', `projects/${project}/serviceAccounts/${email}`)
  }

  function requireDeadLetterTopic({deadLetterPolicy}: Subscription): void {
    const topic = deadLetterPolicy?.deadLetterTopic
    if (topic !== undefined && resources.findTopic(topic) === undefined) throw notFound(topic)
  }

  async function createSubscription(request: Subscription, {principal}: Call): Promise<object> {
    const {project, id} = parseSubscriptionName(request.name)
    parseTopicName(request.topic)
    access.require(principal, 'pubsub.subscriptions.create', project)
    access.require(principal, 'pubsub.topics.attachSubscription', request.topic)
    const {detached: _detached, topicMessageRetentionDuration: _retention, ...given} = request
    const subscription = completeSubscription(given)
    requireActAs(principal, subscription.pushConfig)
    const created = await state.write(() => {
      if (resources.findSubscription(subscription.name) !== undefined)
        throw new ApiError('ALREADY_EXISTS', `Resource already exists in the project (resource=${id}).`)
      const topic = resources.topic(subscription.topic)
      requireDeadLetterTopic(subscription)
      return {
        key: resources.insertSubscription(topic.key, subscription),
        topic: topic.key,
        resource: subscription,
      }
    })
    deliveries.open(created)
    return shown(created)
  }

  function getSubscription({subscription: name = ''}: {subscription?: string}, {principal}: Call): object {
    parseSubscriptionName(name)
    access.require(principal, 'pubsub.subscriptions.get', name)
    return shown(resources.subscription(name))
  }

  async function change(
    name: string,
    paths: readonly string[][],
    update: object,
    principal: Principal,
  ): Promise<StoredSubscription> {
    const changed = await state.write(() => {
      const {key, topic, resource} = resources.subscription(name)
      const next = completeSubscription({
        ...applyFieldMask(resource, update, paths),
        name: resource.name,
        topic: resource.topic,
      })
      const touched = new Set(paths.map(([field]) => field))
      if (touched.has('pushConfig')) requireActAs(principal, next.pushConfig)
      if (touched.has('deadLetterPolicy')) requireDeadLetterTopic(next)
      resources.updateSubscription(key, next)
      return {key, topic, resource: next}
    })
    deliveries.configure(changed)
    return changed
  }

  async function updateSubscription(
    request: {subscription?: Subscription; updateMask?: string},
    {principal}: Call,
  ): Promise<object> {
    const update = request.subscription ?? {name: ''}
    parseSubscriptionName(update.name)
    access.require(principal, 'pubsub.subscriptions.update', update.name)
    return shown(await change(update.name, parseFieldMask(request.updateMask, UPDATABLE), update, principal))
  }

  async function modifyPushConfig(
    {subscription: name = '', pushConfig}: {subscription?: string; pushConfig?: PushConfig},
    {principal}: Call,
  ): Promise<object> {
    parseSubscriptionName(name)
    access.require(principal, 'pubsub.subscriptions.update', name)
    await change(name, [['pushConfig']], {pushConfig: pushConfig ?? {}}, principal)
    return {}
  }

  function listSubscriptions(request: {project?: string} & PageRequest, {principal}: Call): object {
    const project = checkProjectName(request.project)
    access.require(principal, 'pubsub.subscriptions.list', project)
    const {items, next} = pageByName(request, (after, limit) =>
      resources.subscriptions(`${project}/subscriptions`, after, limit),
    )
    return {subscriptions: items.map(shown), ...next}
  }

  async function deleteSubscription(
    {subscription: name = ''}: {subscription?: string},
    {principal}: Call,
  ): Promise<object> {
    parseSubscriptionName(name)
    access.require(principal, 'pubsub.subscriptions.delete', name)
    const key = await state.write(() => {
      const found = resources.subscription(name)
      resources.deleteSubscription(found.key)
      access.dropPolicy(name)
      return found.key
    })
    deliveries.close(key)
    return {}
  }

  async function seek(
    {subscription: name = '', time, snapshot}: {subscription?: string; time?: string; snapshot?: string},
    {principal}: Call,
  ): Promise<object> {
    parseSubscriptionName(name)
    access.require(principal, 'pubsub.subscriptions.consume', name)
    if (snapshot !== undefined) {
      parseSnapshotName(snapshot)
      access.require(principal, 'pubsub.snapshots.seek', snapshot)
    } else if (time === undefined)
      throw new ApiError('INVALID_ARGUMENT', 'A seek needs a time or a snapshot.')
    const key = await state.write(() => {
      const found = resources.subscription(name)
      const filter = publisher.filterOf(found.resource.filter)
      const wants = ({attributes = {}}: NewMessage): boolean => filter(attributes)
      const retain = found.resource.retainAckedMessages ?? false
      if (snapshot === undefined)
        messages.seek(found.key, Date.parse(time ?? ''), {topic: found.topic, retain, wants})
      else {
        const {key: from, topic} = resources.snapshot(snapshot, clock.now())
        if (topic === undefined || topic !== found.topic)
          throw new ApiError(
            'FAILED_PRECONDITION',
            `The snapshot's topic must be the same as that of the subscription (snapshot=${snapshot}).`,
          )
        messages.seekToSnapshot(found.key, from, {retain, wants})
      }
      return found.key
    })
    deliveries.reload(key)
    return {}
  }

  return {
    CreateSubscription: createSubscription,
    GetSubscription: getSubscription,
    UpdateSubscription: updateSubscription,
    ModifyPushConfig: modifyPushConfig,
    ListSubscriptions: listSubscriptions,
    DeleteSubscription: deleteSubscription,
    Seek: seek,
  }
}
