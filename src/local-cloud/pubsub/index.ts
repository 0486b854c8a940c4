import type {AccessControl, IdTokens, ServiceAgents} from '../iam/access.ts'
import type {MetricSink} from '../monitoring/metrics.ts'
import type {State} from '../state/state.ts'
import type {Clock} from '../wire/clock.ts'
import type {Route} from '../wire/routes.ts'
import type {RpcService} from '../wire/rpc.ts'
import {Deliveries} from './deliveries.ts'
import {MessageStore} from './message-store.ts'
import {createPolicies} from './policies.ts'
import {createPublisherService} from './publisher.ts'
import type {Publishing} from './publishing.ts'
import {MessagePublisher} from './message-publisher.ts'
import {createPull} from './pull.ts'
import {PushConnections} from './push-connections.ts'
import {ResourceStore} from './resource-store.ts'
import {createSchemaService} from './schema-service.ts'
import {createSchemaStore} from './schema-store.ts'
import {createSnapshots} from './snapshots.ts'
import {createSubscriptionAdmin} from './subscription-admin.ts'

export {pubsubSchema} from './schema.ts'

/** Pub/Sub, ready to serve. */
export interface Pubsub extends AsyncDisposable {
  readonly routes: Route[]
  readonly services: RpcService[]
  readonly publishing: Publishing
  /** Starts delivering the backlog; call it once the server listens. */
  start(): void
}

export function createPubsub({
  state,
  clock,
  access,
  agents,
  tokens,
  metrics,
  isDebugging = () => false,
}: {
  state: State
  clock: Clock
  access: AccessControl
  agents: ServiceAgents
  tokens: IdTokens
  metrics: MetricSink
  /** Whether a debugger may pause an instance that messages are pushed to. */
  isDebugging?: () => boolean
}): Pubsub {
  const resources = new ResourceStore(state.database)
  const messages = new MessageStore(state.database)
  const schemas = createSchemaStore(state)
  const connections = new PushConnections()
  const publisher: MessagePublisher = new MessagePublisher({
    state,
    clock,
    resources,
    messages,
    announce: (published) => deliveries.announce(published),
  })
  const deliveries = new Deliveries({
    state,
    clock,
    access,
    agents,
    tokens,
    connections,
    resources,
    messages,
    metrics,
    isDebugging,
    publish: (topic, published) => publisher.publishInTransaction(topic, published),
  })
  const common = {state, clock, access, resources, messages, publisher, deliveries}
  const pull = createPull(common)
  const policies = createPolicies(
    access,
    (name) =>
      resources.findTopic(name) !== undefined ||
      resources.findSubscription(name) !== undefined ||
      schemas.exists(name),
  )
  return {
    routes: policies.routes,
    services: [
      createPublisherService({...common, schemas}),
      createSchemaService({...common, schemas}),
      {
        service: 'google.pubsub.v1.Subscriber',
        unary: {...createSubscriptionAdmin(common), ...createSnapshots(common), ...pull.unary},
        streams: pull.streams,
      },
      policies.service,
    ],
    publishing: publisher,
    start: () => deliveries.start(),
    async [Symbol.asyncDispose]() {
      deliveries[Symbol.dispose]()
      connections[Symbol.dispose]()
      // Earlier acknowledgements are durable once a later change is.
      await state.write(() => undefined)
    },
  }
}
