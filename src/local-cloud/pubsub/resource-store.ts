import type {DatabaseSync} from 'node:sqlite'
import {type Row, storedJson} from '../state/rows.ts'
import {notFound} from './names.ts'
import {DELETED_SCHEMA, DELETED_TOPIC} from './resources.ts'
import type {Subscription, Topic} from './resources.ts'

/** A topic and the key of its row. */
export interface StoredTopic {
  readonly key: number
  readonly resource: Topic
}

export interface StoredSubscription {
  readonly key: number
  /** Row of the topic; `undefined` once it is deleted. */
  readonly topic: number | undefined
  readonly resource: Subscription
}

function toTopic(row: Row): StoredTopic {
  return {key: Number(row['id']), resource: storedJson<Topic>(row, 'resource', 'name')}
}

function toSubscription(row: Row): StoredSubscription {
  const topic = row['topic']
  const resource = storedJson<Subscription>(row, 'resource', 'name', 'topic')
  return {
    key: Number(row['id']),
    topic: topic === null ? undefined : Number(topic),
    resource: topic === null ? {...resource, topic: DELETED_TOPIC} : resource,
  }
}

/** The rows of topics and subscriptions. Call methods that change them inside `State.write`. */
export class ResourceStore {
  readonly #statements
  /** Needed by every publish. */
  readonly #topics = new Map<string, StoredTopic>()
  readonly #subscriptions = new Map<number, readonly StoredSubscription[]>()
  #changing = false

  constructor(database: DatabaseSync) {
    this.#statements = {
      topic: database.prepare('SELECT id, resource FROM pubsub_topics WHERE name = ?'),
      topics: database.prepare(
        'SELECT id, resource FROM pubsub_topics WHERE name > ?1 AND name >= ?2 AND name < ?3 ORDER BY name LIMIT ?4',
      ),
      insertTopic: database.prepare('INSERT INTO pubsub_topics (name, resource) VALUES (?, ?)'),
      updateTopic: database.prepare('UPDATE pubsub_topics SET resource = ? WHERE id = ?'),
      deleteTopic: database.prepare('DELETE FROM pubsub_topics WHERE id = ?'),
      detachSchema: database.prepare(
        `UPDATE pubsub_topics SET resource = json_set(resource, '$.schemaSettings.schema', ?)
         WHERE json_extract(resource, '$.schemaSettings.schema') = ?`,
      ),
      subscription: database.prepare('SELECT id, topic, resource FROM pubsub_subscriptions WHERE name = ?'),
      subscriptionByKey: database.prepare(
        'SELECT id, topic, resource FROM pubsub_subscriptions WHERE id = ?',
      ),
      subscriptions: database.prepare(
        'SELECT id, topic, resource FROM pubsub_subscriptions WHERE name > ?1 AND name >= ?2 AND name < ?3 ORDER BY name LIMIT ?4',
      ),
      all: database.prepare(
        'SELECT id, topic, resource FROM pubsub_subscriptions WHERE name LIKE ? ORDER BY id',
      ),
      subscriptionsOf: database.prepare(
        'SELECT id, topic, resource FROM pubsub_subscriptions WHERE topic = ?1 AND name > ?2 AND name LIKE ?3 ORDER BY name LIMIT ?4',
      ),
      insertSubscription: database.prepare(
        'INSERT INTO pubsub_subscriptions (name, topic, resource) VALUES (?, ?, ?)',
      ),
      updateSubscription: database.prepare('UPDATE pubsub_subscriptions SET resource = ? WHERE id = ?'),
      deleteSubscription: database.prepare('DELETE FROM pubsub_subscriptions WHERE id = ?'),
    }
  }

  findTopic(name: string): StoredTopic | undefined {
    const known = this.#topics.get(name)
    if (known !== undefined) return known
    const row = this.#statements.topic.get(name)
    const found = row && toTopic(row)
    if (found !== undefined && !this.#changing) this.#topics.set(name, found)
    return found
  }

  /** @throws ApiError NOT_FOUND */
  topic(name: string): StoredTopic {
    const found = this.findTopic(name)
    if (found === undefined) throw notFound(name)
    return found
  }

  /** Topics of `projects/P` after the name `after`, by name. */
  topics(project: string, after: string, limit: number): StoredTopic[] {
    return this.#statements.topics.all(after, `${project}/`, `${project}0`, limit).map(toTopic)
  }

  insertTopic(resource: Topic): void {
    this.#change()
    this.#statements.insertTopic.run(resource.name, JSON.stringify(resource))
  }

  updateTopic(key: number, resource: Topic): void {
    this.#change()
    this.#statements.updateTopic.run(JSON.stringify(resource), key)
  }

  deleteTopic(key: number): void {
    this.#change()
    this.#statements.deleteTopic.run(key)
  }

  /** Has the topics of a deleted schema name `_deleted-schema_` instead, so that none of the same name governs them. */
  detachSchema(schema: string): void {
    this.#change()
    this.#statements.detachSchema.run(DELETED_SCHEMA, schema)
  }

  findSubscription(name: string): StoredSubscription | undefined {
    const row = this.#statements.subscription.get(name)
    return row && toSubscription(row)
  }

  /** @throws ApiError NOT_FOUND */
  subscription(name: string): StoredSubscription {
    const found = this.findSubscription(name)
    if (found === undefined) throw notFound(name)
    return found
  }

  /** @throws ApiError NOT_FOUND, also for a snapshot that has expired by `now` */
  snapshot(name: string, now: number): StoredSubscription {
    const found = this.subscription(name)
    if (Date.parse(found.resource.expireTime ?? '') <= now) throw notFound(name)
    return found
  }

  subscriptionByKey(key: number): StoredSubscription | undefined {
    const row = this.#statements.subscriptionByKey.get(key)
    return row && toSubscription(row)
  }

  /** Those in `projects/P/subscriptions` or `projects/P/snapshots` after the name `after`, by name. */
  subscriptions(collection: string, after: string, limit: number): StoredSubscription[] {
    return this.#statements.subscriptions
      .all(after, `${collection}/`, `${collection}0`, limit)
      .map(toSubscription)
  }

  all(kind: 'subscriptions' | 'snapshots'): StoredSubscription[] {
    return this.#statements.all.all(`%/${kind}/%`).map(toSubscription)
  }

  /** What the messages of a topic go to, by name: subscriptions and snapshots. */
  subscriptionsOf(topic: number): readonly StoredSubscription[] {
    const known = this.#subscriptions.get(topic)
    if (known !== undefined) return known
    const found = this.#statements.subscriptionsOf.all(topic, '', '%', -1).map(toSubscription)
    if (!this.#changing) this.#subscriptions.set(topic, found)
    return found
  }

  /** The ones after the name `after`. */
  pageOf(
    topic: number,
    kind: 'subscriptions' | 'snapshots',
    after: string,
    limit: number,
  ): StoredSubscription[] {
    return this.#statements.subscriptionsOf.all(topic, after, `%/${kind}/%`, limit).map(toSubscription)
  }

  insertSubscription(topic: number, resource: Subscription): number {
    this.#change()
    return Number(
      this.#statements.insertSubscription.run(resource.name, topic, JSON.stringify(resource)).lastInsertRowid,
    )
  }

  updateSubscription(key: number, resource: Subscription): void {
    this.#change()
    this.#statements.updateSubscription.run(JSON.stringify(resource), key)
  }

  deleteSubscription(key: number): void {
    this.#change()
    this.#statements.deleteSubscription.run(key)
  }

  /**
   * Caches nothing until the transaction of a change has ended, since it may roll back; it ends with this turn of the
   * event loop.
   */
  #change(): void {
    this.#topics.clear()
    this.#subscriptions.clear()
    if (this.#changing) return
    this.#changing = true
    setImmediate(() => {
      this.#changing = false
    })
  }
}
