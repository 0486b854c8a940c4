import type {State} from '../state/state.ts'
import type {Clock} from '../wire/clock.ts'
import {parseFilter} from './filter.ts'
import type {Filter} from './filter.ts'
import type {MessageStore} from './message-store.ts'
import {notFound} from './names.ts'
import type {NewMessage, Publishing} from './publishing.ts'
import type {ResourceStore} from './resource-store.ts'
import {topicRetentionMs} from './subscription-settings.ts'

const FILTERS_KEPT = 1000

/** Stores messages for the subscriptions that want them, and has them delivered after the commit. */
export class MessagePublisher implements Publishing {
  readonly #state: State
  readonly #clock: Clock
  readonly #resources: ResourceStore
  readonly #messages: MessageStore
  readonly #announce: (messages: readonly number[]) => void
  readonly #filters = new Map<string, Filter>()
  /** Ids of messages since the last announcement, in publish order; some may have been rolled back. */
  readonly #unannounced = new Set<number>()
  #lastPublishTime: number

  constructor({
    state,
    clock,
    resources,
    messages,
    announce,
  }: {
    state: State
    clock: Clock
    resources: ResourceStore
    messages: MessageStore
    announce: (messages: readonly number[]) => void
  }) {
    this.#state = state
    this.#clock = clock
    this.#resources = resources
    this.#messages = messages
    this.#announce = announce
    this.#lastPublishTime = messages.newestPublishTime()
  }

  hasTopic(topic: string): boolean {
    return this.#resources.findTopic(topic) !== undefined
  }

  /** @returns the ids, once the messages are durable. @throws ApiError NOT_FOUND */
  async publish(topic: string, messages: readonly NewMessage[]): Promise<string[]> {
    const keys = await this.#state.write(() => this.#insert(topic, messages))
    this.#announceAll()
    return keys.map(String)
  }

  publishInTransaction(topic: string, messages: readonly NewMessage[]): string[] {
    const keys = this.#insert(topic, messages)
    // Settles after the caller's change is committed, also when a full disk fails the commit after it.
    const announce = (): void => this.#announceAll()
    this.#state.write(() => undefined).then(announce, announce)
    return keys.map(String)
  }

  filterOf(text: string | undefined): Filter {
    const known = this.#filters.get(text ?? '')
    if (known !== undefined) return known
    const filter = parseFilter(text ?? '')
    if (this.#filters.size >= FILTERS_KEPT) this.#filters.clear()
    this.#filters.set(text ?? '', filter)
    return filter
  }

  /**
   * Announces all messages so far: one published alone overtakes none that was published in another's transaction
   * before it. The next commit begins only after the last one's callers have continued, so all are durable.
   */
  #announceAll(): void {
    const messages = [...this.#unannounced]
    this.#unannounced.clear()
    this.#announce(messages)
  }

  #insert(name: string, messages: readonly NewMessage[]): number[] {
    const topic = this.#resources.findTopic(name)
    if (topic === undefined) throw notFound(name)
    // Setting the clock back must not put later messages before earlier ones.
    this.#lastPublishTime = Math.max(this.#clock.now(), this.#lastPublishTime)
    const publishTime = this.#lastPublishTime
    const retentionMs = topicRetentionMs(topic.resource.messageRetentionDuration)
    const keepUntil = retentionMs === 0 ? 0 : publishTime + retentionMs
    const subscribers = this.#resources
      .subscriptionsOf(topic.key)
      .filter(({resource}) => resource.detached !== true)
      .map(({key, resource}) => ({key, wants: this.filterOf(resource.filter)}))
    return messages.map((message) => {
      const key = this.#messages.insert(topic.key, message, {
        publishTime,
        keepUntil,
        subscriptions: subscribers
          .filter(({wants}) => wants(message.attributes ?? {}))
          .map((each) => each.key),
      })
      this.#unannounced.add(key)
      return key
    })
  }
}
