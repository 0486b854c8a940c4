import type {AccessControl} from '../iam/access.ts'
import type {State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Call} from '../wire/call.ts'
import {applyFieldMask, parseFieldMask} from '../wire/field-mask.ts'
import type {PageRequest} from '../wire/paging.ts'
import type {RpcService} from '../wire/rpc.ts'
import type {Deliveries} from './deliveries.ts'
import type {MessageStore} from './message-store.ts'
import {checkProjectName, parseSubscriptionName, parseTopicName} from './names.ts'
import {pageByName} from './paging.ts'
import {checkMessages} from './published-message.ts'
import type {MessagePublisher} from './message-publisher.ts'
import type {NewMessage} from './publishing.ts'
import type {ResourceStore} from './resource-store.ts'
import type {SchemaStore} from './schema-store.ts'
import type {Topic} from './resources.ts'
import {topicRetentionMs} from './subscription-settings.ts'

const UPDATABLE = new Set([
  'labels',
  'messageRetentionDuration',
  'messageStoragePolicy',
  'kmsKeyName',
  'schemaSettings',
])
const UNSERVED = ['ingestionDataSourceSettings', 'messageTransforms', 'tags']

function checkTopic(topic: Topic): Topic {
  for (const field of UNSERVED)
    if (Object.hasOwn(topic, field) && JSON.stringify(Reflect.get(topic, field)) !== '[]')
      throw new ApiError('UNIMPLEMENTED', `Topics with ${field} are not implemented by the local cloud.`)
  topicRetentionMs(topic.messageRetentionDuration)
  return topic
}

/** The service google.pubsub.v1.Publisher. */
export function createPublisherService({
  state,
  access,
  resources,
  messages,
  publisher,
  deliveries,
  schemas,
}: {
  state: State
  access: AccessControl
  resources: ResourceStore
  messages: MessageStore
  publisher: MessagePublisher
  deliveries: Deliveries
  schemas: SchemaStore
}): RpcService {
  const checkSchema = ({schemaSettings}: Topic, {principal}: Pick<Call, 'principal'>): void => {
    if (schemaSettings === undefined) return
    access.require(principal, 'pubsub.schemas.attach', schemaSettings.schema ?? '')
    schemas.checkSettings(schemaSettings)
  }

  async function createTopic(request: Topic, {principal}: Call): Promise<object> {
    const {project, id} = parseTopicName(request.name)
    access.require(principal, 'pubsub.topics.create', project)
    const topic = checkTopic(request)
    await state.write(() => {
      checkSchema(topic, {principal})
      if (resources.findTopic(topic.name) !== undefined)
        throw new ApiError('ALREADY_EXISTS', `Resource already exists in the project (resource=${id}).`)
      resources.insertTopic(topic)
    })
    return topic
  }

  async function updateTopic(
    request: {topic?: Topic; updateMask?: string},
    {principal}: Call,
  ): Promise<object> {
    const update = request.topic ?? {name: ''}
    parseTopicName(update.name)
    access.require(principal, 'pubsub.topics.update', update.name)
    const paths = parseFieldMask(request.updateMask, UPDATABLE)
    return state.write(() => {
      const {key, resource} = resources.topic(update.name)
      const topic = checkTopic({...applyFieldMask(resource, update, paths), name: resource.name})
      if (paths.some(([field]) => field === 'schemaSettings')) checkSchema(topic, {principal})
      resources.updateTopic(key, topic)
      return topic
    })
  }

  async function deleteTopic({topic: name = ''}: {topic?: string}, {principal}: Call): Promise<object> {
    parseTopicName(name)
    access.require(principal, 'pubsub.topics.delete', name)
    await state.write(() => {
      const {key} = resources.topic(name)
      messages.forgetTopic(key)
      resources.deleteTopic(key)
      access.dropPolicy(name)
    })
    return {}
  }

  function getTopic({topic: name = ''}: {topic?: string}, {principal}: Call): object {
    parseTopicName(name)
    access.require(principal, 'pubsub.topics.get', name)
    return resources.topic(name).resource
  }

  function listTopics(request: {project?: string} & PageRequest, {principal}: Call): object {
    const project = checkProjectName(request.project)
    access.require(principal, 'pubsub.topics.list', project)
    const {items, next} = pageByName(request, (after, limit) => resources.topics(project, after, limit))
    return {topics: items.map(({resource}) => resource), ...next}
  }

  const listOf =
    (kind: 'subscriptions' | 'snapshots') =>
    (request: {topic?: string} & PageRequest, {principal}: Call): object => {
      const {topic: name = ''} = request
      parseTopicName(name)
      access.require(principal, 'pubsub.topics.get', name)
      const {key} = resources.topic(name)
      const {items, next} = pageByName(request, (after, limit) => resources.pageOf(key, kind, after, limit))
      return {[kind]: items.map(({resource}) => resource.name), ...next}
    }

  async function publish(
    {topic: name = '', messages: given = []}: {topic?: string; messages?: NewMessage[]},
    {principal}: Call,
  ): Promise<object> {
    parseTopicName(name)
    access.require(principal, 'pubsub.topics.publish', name)
    const checked = checkMessages(given)
    const settings = resources.findTopic(name)?.resource.schemaSettings
    const fitting = settings === undefined ? checked : await schemas.checked(settings, checked)
    return {messageIds: await publisher.publish(name, fitting)}
  }

  /** The subscription remains, but permanently without messages. */
  async function detachSubscription(
    {subscription: name = ''}: {subscription?: string},
    {principal}: Call,
  ): Promise<object> {
    parseSubscriptionName(name)
    const found = resources.findSubscription(name)
    access.require(principal, 'pubsub.topics.detachSubscription', found?.resource.topic ?? name)
    const detached = await state.write(() => {
      const {key, topic, resource} = resources.subscription(name)
      const changed = {...resource, detached: true}
      resources.updateSubscription(key, changed)
      messages.clear(key)
      return {key, topic, resource: changed}
    })
    deliveries.configure(detached)
    deliveries.reload(detached.key)
    return {}
  }

  return {
    service: 'google.pubsub.v1.Publisher',
    unary: {
      CreateTopic: createTopic,
      UpdateTopic: updateTopic,
      DeleteTopic: deleteTopic,
      GetTopic: getTopic,
      ListTopics: listTopics,
      ListTopicSubscriptions: listOf('subscriptions'),
      ListTopicSnapshots: listOf('snapshots'),
      Publish: publish,
      DetachSubscription: detachSubscription,
    },
  }
}
