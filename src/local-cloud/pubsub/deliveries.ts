import type {AccessControl, ServiceAgents} from '../iam/access.ts'
import type {MetricSink} from '../monitoring/metrics.ts'
import type {State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Timer} from '../wire/clock.ts'
import {DeliveryQueue} from './delivery-queue.ts'
import type {DeliveryRecords} from './delivery-queue.ts'
import type {BacklogEntry, MessageStore, Queued} from './message-store.ts'
import {parseSubscriptionName} from './names.ts'
import type {NewMessage} from './publishing.ts'
import type {PushDependencies} from './push-delivery.ts'
import {PushDelivery} from './push-delivery.ts'
import type {ResourceStore, StoredSubscription} from './resource-store.ts'
import {deliverySettings} from './subscription-settings.ts'

/** How often messages past their retention (at least 10 minutes) are removed. */
const SWEEP_MS = 600_000

interface Delivery {
  readonly name: string
  readonly queue: DeliveryQueue
  readonly push: PushDelivery
}

export interface DeliveryDependencies extends PushDependencies {
  readonly state: State
  readonly access: AccessControl
  readonly agents: ServiceAgents
  readonly resources: ResourceStore
  readonly messages: MessageStore
  readonly metrics: MetricSink
  /** Publishes inside a `State.write`. */
  readonly publish: (topic: string, messages: readonly NewMessage[]) => string[]
}

/** The queues of all subscriptions and their push delivery. Nothing is delivered before `start`. */
export class Deliveries implements Disposable {
  readonly #dependencies: DeliveryDependencies
  readonly #byKey = new Map<number, Delivery>()
  #started = false
  #sweep: Timer | undefined

  constructor(dependencies: DeliveryDependencies) {
    this.#dependencies = dependencies
  }

  /** Starts delivering the backlog of every subscription. */
  start(): void {
    this.#started = true
    for (const subscription of this.#dependencies.resources.all('subscriptions')) this.open(subscription)
    this.#scheduleSweep()
  }

  /** Starts delivering to a new subscription. */
  open({key, resource}: StoredSubscription): void {
    if (!this.#started || this.#byKey.has(key)) return
    const {clock, messages} = this.#dependencies
    const queue = new DeliveryQueue(deliverySettings(resource), {
      clock,
      records: this.#recordsOf(key, resource.name),
    })
    const push = new PushDelivery(resource.name, queue, this.#dependencies)
    this.#byKey.set(key, {name: resource.name, queue, push})
    queue.add(messages.backlog(key))
  }

  /** Applies changed settings. */
  configure({key, resource}: StoredSubscription): void {
    const delivery = this.#byKey.get(key)
    if (delivery === undefined) return
    delivery.queue.settings = deliverySettings(resource)
    delivery.push.pump()
  }

  /** Reloads the queue from the rows after a seek or a detach. */
  reload(key: number): void {
    const queue = this.#byKey.get(key)?.queue
    queue?.clear()
    queue?.add(this.#dependencies.messages.backlog(key))
  }

  close(key: number): void {
    const delivery = this.#byKey.get(key)
    this.#byKey.delete(key)
    if (delivery !== undefined) this.#dependencies.metrics.backlog(delivery.name, 0, undefined)
    delivery?.push.stop()
    delivery?.queue.close(
      new ApiError('NOT_FOUND', `Resource not found (resource=${parseSubscriptionName(delivery.name).id}).`),
    )
  }

  /** @throws ApiError UNAVAILABLE before `start` */
  queue(key: number): DeliveryQueue {
    const queue = this.#byKey.get(key)?.queue
    if (queue === undefined) throw new ApiError('UNAVAILABLE', 'Delivery has not started yet. Try again.')
    return queue
  }

  /** Queues committed messages for their subscriptions; ids that were rolled back are ignored. */
  announce(messages: readonly (Queued | number)[]): void {
    // Before the start and after the end there are no queues, and then the state may be closed.
    if (this.#byKey.size === 0) return
    const bySubscription = new Map<number, BacklogEntry[]>()
    const add = (subscription: number, entry: BacklogEntry): void => {
      const entries = bySubscription.get(subscription)
      if (entries === undefined) bySubscription.set(subscription, [entry])
      else entries.push(entry)
    }
    for (const message of messages)
      if (typeof message === 'number')
        for (const {subscription, entry} of this.#dependencies.messages.awaiting(message))
          add(subscription, entry)
      else for (const subscription of message.subscriptions) add(subscription, message.entry)
    for (const [subscription, entries] of bySubscription) this.#byKey.get(subscription)?.queue.add(entries)
  }

  [Symbol.dispose](): void {
    this.#started = false
    this.#sweep?.clear()
    for (const {push, queue} of this.#byKey.values()) {
      push.stop()
      queue.close(new ApiError('UNAVAILABLE', 'The local cloud is stopping.'))
    }
    this.#byKey.clear()
  }

  #recordsOf(key: number, name: string): DeliveryRecords {
    const {state, clock, messages, metrics} = this.#dependencies
    return {
      acknowledge: (ids, options) => {
        metrics.acknowledged(name)
        const retain = this.#byKey.get(key)?.queue.settings.retainAcknowledged ?? false
        return state.write(() => messages.acknowledge(key, ids, {retain, now: clock.now()}), options)
      },
      recordFailures: (message, failures) => {
        // If the commit fails, the message only gets one more attempt.
        state.write(() => messages.recordFailures(key, message, failures)).catch(() => undefined)
      },
      forwardDeadLetter: (message, attempts) => this.#forwardDeadLetter(key, name, message, attempts),
      changed: (count, oldest) => metrics.backlog(name, count, oldest),
    }
  }

  /**
   * Moves a message to the dead-letter topic. Pub/Sub does that as its service agent, which must be a publisher
   * there and a subscriber here (https://cloud.google.com/pubsub/docs/handling-failures#grant_forwarding_permissions);
   * otherwise the message keeps being delivered, and the denial is the only trace.
   */
  async #forwardDeadLetter(key: number, name: string, message: number, attempts: number): Promise<boolean> {
    const {state, access, agents, clock, resources, messages, publish} = this.#dependencies
    const topic = this.#byKey.get(key)?.queue.settings.deadLetter?.topic
    const stored = messages.load(message)
    if (topic === undefined || stored === undefined || resources.findTopic(topic) === undefined) return false
    const {projectId, id} = parseSubscriptionName(name)
    const agent = `serviceAccount:${agents.pubsub(projectId)}` as const
    try {
      access.require(agent, 'pubsub.topics.publish', topic)
      access.require(agent, 'pubsub.subscriptions.consume', name)
      await state.write(() => {
        publish(topic, [
          {
            ...(stored.data === undefined ? {} : {data: stored.data}),
            ...(stored.orderingKey === undefined ? {} : {orderingKey: stored.orderingKey}),
            attributes: {
              ...stored.attributes,
              CloudPubSubDeadLetterSourceDeliveryCount: String(attempts),
              CloudPubSubDeadLetterSourceSubscription: id,
              CloudPubSubDeadLetterSourceSubscriptionProject: projectId,
              CloudPubSubDeadLetterSourceTopicPublishTime: stored.publishTime,
            },
          },
        ])
        messages.acknowledge(key, [message], {retain: false, now: clock.now()})
      })
      return true
    } catch {
      // Denied, or the commit failed: either way the message stays and is delivered again.
      return false
    }
  }

  #scheduleSweep(): void {
    const {state, access, clock, messages, resources} = this.#dependencies
    this.#sweep = clock.after(SWEEP_MS, () => {
      const now = clock.now()
      const retentions = [...this.#byKey].map(([key, {queue}]) => ({key, ms: queue.settings.retentionMs}))
      for (const {queue} of this.#byKey.values()) queue.expire()
      const sweepAfter = (last: number | undefined): Promise<void> | undefined =>
        last === undefined || !this.#started
          ? undefined
          : state.write(() => messages.sweep(now, last)).then(sweepAfter)
      state
        .write(() => {
          for (const {key, ms} of retentions) messages.expire(key, now - ms)
          for (const {key, resource} of resources.all('snapshots'))
            if (Date.parse(resource.expireTime ?? '') <= now) {
              resources.deleteSubscription(key)
              access.dropPolicy(resource.name)
            }
          return messages.sweep(now, 0)
        })
        .then(sweepAfter)
        // The next sweep removes what a failed commit leaves.
        .catch(() => undefined)
      this.#scheduleSweep()
    })
  }
}
