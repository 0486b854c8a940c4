import type {State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Clock} from '../wire/clock.ts'
import {parseFilter} from './filter.ts'
import type {Filter} from './filter.ts'
import type {MessageStore, Queued} from './message-store.ts'
import {notFound} from './names.ts'
import type {NewMessage, Publishing} from './publishing.ts'
import type {ResourceStore} from './resource-store.ts'
import {topicRetentionMs} from './subscription-settings.ts'

const FILTERS_KEPT = 1000

/** One call of a publisher. */
interface Publish {
  readonly topic: string
  readonly messages: readonly NewMessage[]
  /** What was stored of it; what it is refused with otherwise. */
  stored: readonly Queued[] | ApiError
}

/** Calls that share a change of the state: each change of its own would cost as much again as to store its message. */
interface Gathered {
  readonly publishes: Publish[]
  /** Settles once they are durable. */
  readonly change: Promise<void>
}

/** Stores messages for the subscriptions that want them, and has them delivered after the commit. */
export class MessagePublisher implements Publishing {
  readonly #state: State
  readonly #clock: Clock
  readonly #resources: ResourceStore
  readonly #messages: MessageStore
  readonly #announce: (messages: readonly (Queued | number)[]) => void
  readonly #filters = new Map<string, Filter>()
  /** Messages since the last announcement, in publish order; `undefined` if they may have been rolled back. */
  readonly #unannounced = new Map<number, Queued | undefined>()
  #gathered: Gathered | undefined
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
    /** Gets ids alone of messages that may have been rolled back. */
    announce: (messages: readonly (Queued | number)[]) => void
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
    const publish: Publish = {topic, messages, stored: []}
    const {publishes, change} = (this.#gathered ??= this.#gather())
    publishes.push(publish)
    await change
    const {stored} = publish
    if (stored instanceof ApiError) throw stored
    this.#announceAll()
    return stored.map(({entry}) => String(entry.message))
  }

  /** Takes in what is published until its commit begins. */
  #gather(): Gathered {
    const publishes: Publish[] = []
    const change = this.#state.write(() => {
      this.#gathered = undefined
      for (const publish of publishes) publish.stored = this.#store(publish)
      for (const {stored} of publishes)
        if (!(stored instanceof ApiError))
          for (const each of stored) this.#unannounced.set(each.entry.message, each)
    })
    // Its caller hears of it too.
    change.catch(() => {
      if (this.#gathered?.change === change) this.#gathered = undefined
      for (const {stored} of publishes)
        if (!(stored instanceof ApiError))
          for (const each of stored) {
            // Ids that were rolled back are given again.
            const {message} = each.entry
            if (this.#unannounced.get(message) === each) this.#unannounced.delete(message)
          }
    })
    return {publishes, change}
  }

  /** One that is refused has stored nothing, and does not concern the others; another error fails them all. */
  #store({topic, messages}: Publish): readonly Queued[] | ApiError {
    try {
      return this.#insert(topic, messages)
    } catch (error) {
      if (error instanceof ApiError) return error
      throw error
    }
  }

  publishInTransaction(topic: string, messages: readonly NewMessage[]): string[] {
    const keys = this.#insert(topic, messages).map(({entry}) => entry.message)
    for (const key of keys) this.#unannounced.set(key, undefined)
    // Settles after the caller's change is committed, also when a full disk fails the commit after it.
    this.#state
      .write(() => undefined)
      .then(
        () => this.#announceAll(),
        () => {
          // Those that were to share this commit do not know yet that it failed.
          for (const key of this.#unannounced.keys()) this.#unannounced.set(key, undefined)
          this.#announceAll()
        },
      )
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
    if (this.#unannounced.size === 0) return
    const messages = [...this.#unannounced].map(([key, queued]) => queued ?? key)
    this.#unannounced.clear()
    this.#announce(messages)
  }

  #insert(name: string, messages: readonly NewMessage[]): Queued[] {
    const topic = this.#resources.findTopic(name)
    if (topic === undefined) throw notFound(name)
    // Setting the clock back must not put later messages before earlier ones.
    this.#lastPublishTime = Math.max(this.#clock.now(), this.#lastPublishTime)
    const publishTime = this.#lastPublishTime
    const retentionMs = topicRetentionMs(topic.resource.messageRetentionDuration)
    const keepUntil = retentionMs === 0 ? 0 : publishTime + retentionMs
    const subscribers = this.#resources.subscriptionsOf(topic.key)
    return messages.map((message) => {
      const subscriptions: number[] = []
      for (const {key, resource} of subscribers)
        if (resource.detached !== true && this.filterOf(resource.filter)(message.attributes ?? {}))
          subscriptions.push(key)
      return this.#messages.insert(topic.key, message, {publishTime, keepUntil, subscriptions})
    })
  }
}
