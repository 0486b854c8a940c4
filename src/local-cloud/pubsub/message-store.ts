import type {DatabaseSync} from 'node:sqlite'
import {Recent} from '../state/recent.ts'
import {type Row, storedJson, text} from '../state/rows.ts'
import {messageBytes} from './published-message.ts'
import type {NewMessage} from './publishing.ts'

/** A message that a subscription has not acknowledged, without its content. */
export interface BacklogEntry {
  readonly message: number
  /** Milliseconds since 1970. */
  readonly publishTime: number
  readonly orderingKey: string
  readonly bytes: number
  /** Deliveries that were refused or not answered in time. */
  readonly failures: number
}

/** A message that was just stored, for the backlogs of these subscriptions. */
export interface Queued {
  readonly entry: BacklogEntry
  readonly subscriptions: readonly number[]
}

/** A message as it is stored. */
export interface MessageText {
  readonly messageId: string
  /** RFC 3339. */
  readonly publishTime: string
  readonly orderingKey: string
  /** A `NewMessage` as JSON; it has a field at least. */
  readonly content: string
}

/** A message with the fields that Pub/Sub sets. */
export interface StoredMessage extends NewMessage {
  readonly messageId: string
  /** RFC 3339. */
  readonly publishTime: string
}

/** What is kept in memory of the latest messages, most of which are delivered at once, in characters. */
const RECENT_LENGTH = 2 * 1024 * 1024

/** A change keeps in memory what it replaces, and nothing else is served meanwhile. */
const SWEPT_AT_ONCE = 2000

const BACKLOG_COLUMNS = 'b.message, m.publish_time, m.ordering_key, m.size, b.failures'

function toEntry(row: Row): BacklogEntry {
  return {
    message: Number(row['message']),
    publishTime: Number(row['publish_time']),
    orderingKey: String(row['ordering_key']),
    bytes: Number(row['size']),
    failures: Number(row['failures']),
  }
}

/** The whole message that a text is. */
export function parseMessage({messageId, publishTime, content}: MessageText): StoredMessage {
  // It was parsed when it was stored, or read from its row.
  const message: NewMessage = JSON.parse(content)
  return {...message, messageId, publishTime}
}

/** The rows of messages and backlogs. Call methods that change them inside `State.write`. */
export class MessageStore {
  readonly #statements
  /** By id; of a transaction that was undone, a text has no row, and nothing asks for it. */
  readonly #recent = new Recent<number, MessageText>(RECENT_LENGTH, ({content}) => content.length)

  constructor(database: DatabaseSync) {
    this.#statements = {
      insert: database.prepare(
        'INSERT INTO pubsub_messages (topic, publish_time, keep_until, ordering_key, size, content) VALUES (?, ?, ?, ?, ?, ?)',
      ),
      enqueue: database.prepare(
        `INSERT INTO pubsub_backlog (subscription, message) VALUES (?, ?)
         ON CONFLICT DO UPDATE SET acknowledged = 0, failures = 0`,
      ),
      load: database.prepare('SELECT publish_time, ordering_key, content FROM pubsub_messages WHERE id = ?'),
      backlog: database.prepare(
        `SELECT ${BACKLOG_COLUMNS} FROM pubsub_backlog b JOIN pubsub_messages m ON m.id = b.message
         WHERE b.subscription = ? AND b.acknowledged = 0 ORDER BY b.message`,
      ),
      oldest: database.prepare(
        `SELECT m.publish_time FROM pubsub_backlog b JOIN pubsub_messages m ON m.id = b.message
         WHERE b.subscription = ? AND b.acknowledged = 0 ORDER BY b.message LIMIT 1`,
      ),
      awaiting: database.prepare(
        `SELECT b.subscription, ${BACKLOG_COLUMNS} FROM pubsub_backlog b JOIN pubsub_messages m ON m.id = b.message
         WHERE b.message = ?`,
      ),
      fail: database.prepare('UPDATE pubsub_backlog SET failures = ? WHERE subscription = ? AND message = ?'),
      markAcknowledged: database.prepare(
        'UPDATE pubsub_backlog SET acknowledged = 1 WHERE subscription = ? AND message BETWEEN ? AND ?',
      ),
      dequeue: database.prepare(
        'DELETE FROM pubsub_backlog WHERE subscription = ? AND message BETWEEN ? AND ?',
      ),
      deleteUnreferenced: database.prepare(
        `DELETE FROM pubsub_messages WHERE id BETWEEN ? AND ? AND keep_until <= ?
         AND NOT EXISTS (SELECT 1 FROM pubsub_backlog WHERE message = pubsub_messages.id)`,
      ),
      clear: database.prepare('DELETE FROM pubsub_backlog WHERE subscription = ?'),
      expire: database.prepare(
        `DELETE FROM pubsub_backlog WHERE subscription = ?1
         AND message IN (SELECT id FROM pubsub_messages WHERE publish_time < ?2)`,
      ),
      later: database.prepare('SELECT id FROM pubsub_messages WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?'),
      newest: database.prepare('SELECT publish_time FROM pubsub_messages ORDER BY id DESC LIMIT 1'),
      forgetTopic: database.prepare('UPDATE pubsub_messages SET keep_until = 0 WHERE topic = ?'),
      retained: database.prepare(
        'SELECT id, content FROM pubsub_messages WHERE topic = ? AND publish_time >= ?',
      ),
      acknowledgeBefore: database.prepare(
        `UPDATE pubsub_backlog SET acknowledged = 1 WHERE subscription = ?1
         AND message IN (SELECT id FROM pubsub_messages WHERE publish_time < ?2)`,
      ),
      replaySince: database.prepare(
        `UPDATE pubsub_backlog SET acknowledged = 0, failures = 0 WHERE subscription = ?1 AND acknowledged = 1
         AND message IN (SELECT id FROM pubsub_messages WHERE publish_time >= ?2)`,
      ),
      copyBacklog: database.prepare(
        `INSERT INTO pubsub_backlog (subscription, message)
         SELECT ?1, message FROM pubsub_backlog WHERE subscription = ?2 AND acknowledged = 0`,
      ),
      contents: database.prepare(
        `SELECT m.id, m.content FROM pubsub_backlog b JOIN pubsub_messages m ON m.id = b.message
         WHERE b.subscription = ? AND b.acknowledged = 0`,
      ),
      dropAcknowledged: database.prepare(
        'DELETE FROM pubsub_backlog WHERE subscription = ? AND acknowledged = 1',
      ),
    }
  }

  /**
   * Stores a message for the subscriptions that want it; otherwise, if no topic keeps it, it only uses up an id.
   * @param keepUntil when the topic stops keeping it, 0 for not at all
   */
  insert(
    topic: number,
    message: NewMessage,
    {
      publishTime,
      keepUntil,
      subscriptions,
    }: {publishTime: number; keepUntil: number; subscriptions: readonly number[]},
  ): Queued {
    const {orderingKey = ''} = message
    const bytes = messageBytes(message)
    const content = JSON.stringify(message)
    const key = Number(
      this.#statements.insert.run(topic, publishTime, keepUntil, orderingKey, bytes, content).lastInsertRowid,
    )
    // An id that was rolled back is given again.
    this.#recent.forget(key)
    for (const subscription of subscriptions) this.#statements.enqueue.run(subscription, key)
    if (subscriptions.length === 0) this.#statements.deleteUnreferenced.run(key, key, publishTime)
    else this.#recent.keep(key, textOf(key, publishTime, orderingKey, content))
    return {entry: {message: key, publishTime, orderingKey, bytes, failures: 0}, subscriptions}
  }

  /** Of the last message that is kept; 0 if there is none. */
  newestPublishTime(): number {
    return Number(this.#statements.newest.get()?.['publish_time'] ?? 0)
  }

  load(message: number): StoredMessage | undefined {
    const found = this.stored(message)
    return found && parseMessage(found)
  }

  /** @throws ApiError DATA_LOSS if the row is damaged */
  stored(message: number): MessageText | undefined {
    const recent = this.#recent.get(message)
    if (recent !== undefined) return recent
    const row = this.#statements.load.get(message)
    if (row === undefined) return undefined
    storedJson<NewMessage>(row, 'content')
    return textOf(message, Number(row['publish_time']), text(row, 'ordering_key'), text(row, 'content'))
  }

  /** What a subscription still has to acknowledge, oldest first. */
  backlog(subscription: number): BacklogEntry[] {
    return this.#statements.backlog.all(subscription).map(toEntry)
  }

  /** When the oldest message was published that a subscription still has to acknowledge. */
  oldestPublishTime(subscription: number): number | undefined {
    const row = this.#statements.oldest.get(subscription)
    return row === undefined ? undefined : Number(row['publish_time'])
  }

  /** The subscriptions that await a message. */
  awaiting(message: number): {subscription: number; entry: BacklogEntry}[] {
    return this.#statements.awaiting
      .all(message)
      .map((row) => ({subscription: Number(row['subscription']), entry: toEntry(row)}))
  }

  recordFailures(subscription: number, message: number, failures: number): void {
    this.#statements.fail.run(failures, subscription, message)
  }

  /** @param retain keeps the messages for a seek, as `retainAckedMessages` asks */
  acknowledge(
    subscription: number,
    messages: readonly number[],
    {retain, now}: {retain: boolean; now: number},
  ): void {
    // Nearly always they follow each other, and to delete many at once costs a fraction.
    for (const [first, last] of runsOf(messages)) {
      if (retain) {
        this.#statements.markAcknowledged.run(subscription, first, last)
        continue
      }
      for (let message = first; message <= last; message++) this.#recent.forget(message)
      this.#statements.dequeue.run(subscription, first, last)
      this.#statements.deleteUnreferenced.run(first, last, now)
    }
  }

  /** Drops the whole backlog of a subscription; the next sweep removes the messages. */
  clear(subscription: number): void {
    this.#statements.clear.run(subscription)
  }

  /** Drops the part of a backlog published before `since`. */
  expire(subscription: number, since: number): void {
    this.#statements.expire.run(subscription, since)
  }

  /**
   * Of the next messages after `after`, removes those that no backlog and no topic keeps any more.
   * @returns the last of them, `undefined` if there may be no more
   */
  sweep(now: number, after: number): number | undefined {
    const last = this.#statements.later.get(after, SWEPT_AT_ONCE - 1)?.['id']
    this.#statements.deleteUnreferenced.run(after + 1, Number(last ?? Number.MAX_SAFE_INTEGER), now)
    return last === undefined ? undefined : Number(last)
  }

  /** A deleted topic keeps nothing. */
  forgetTopic(topic: number): void {
    this.#statements.forgetTopic.run(topic)
  }

  /** Gives a new snapshot what its subscription still has to acknowledge. */
  copyBacklog(snapshot: number, subscription: number): void {
    this.#statements.copyBacklog.run(snapshot, subscription)
  }

  /**
   * Seek to a snapshot: what was acknowledged before it counts as acknowledged, and nothing else
   * (https://cloud.google.com/pubsub/docs/replay-overview#seek_to_a_snapshot).
   */
  seekToSnapshot(
    subscription: number,
    snapshot: number,
    {retain, wants}: {retain: boolean; wants: (message: NewMessage) => boolean},
  ): void {
    this.#statements.acknowledgeBefore.run(subscription, Number.MAX_SAFE_INTEGER)
    for (const row of this.#statements.contents.iterate(snapshot))
      if (wants(storedJson<NewMessage>(row, 'content')))
        this.#statements.enqueue.run(subscription, Number(row['id']))
    if (!retain) this.#statements.dropAcknowledged.run(subscription)
  }

  /**
   * Seek: messages published before `time` count as acknowledged, later ones that still exist do not
   * (https://cloud.google.com/pubsub/docs/replay-overview#seek_to_a_time).
   * @param topic whose kept messages are replayed too, if `wants` accepts them
   */
  seek(
    subscription: number,
    time: number,
    {
      topic,
      retain,
      wants,
    }: {topic: number | undefined; retain: boolean; wants: (message: NewMessage) => boolean},
  ): void {
    this.#statements.acknowledgeBefore.run(subscription, time)
    this.#statements.replaySince.run(subscription, time)
    if (topic !== undefined)
      for (const row of this.#statements.retained.iterate(topic, time)) {
        if (wants(storedJson<NewMessage>(row, 'content')))
          this.#statements.enqueue.run(subscription, Number(row['id']))
      }
    if (!retain) this.#statements.dropAcknowledged.run(subscription)
  }
}

/** The first and the last of those that follow each other. */
function runsOf(messages: readonly number[]): [first: number, last: number][] {
  const runs: [first: number, last: number][] = []
  let run: [first: number, last: number] | undefined
  for (const message of messages.toSorted((a, b) => a - b))
    if (run !== undefined && message <= run[1] + 1) run[1] = message
    else runs.push((run = [message, message]))
  return runs
}

function textOf(key: number, publishTime: number, orderingKey: string, content: string): MessageText {
  return {messageId: String(key), publishTime: new Date(publishTime).toISOString(), orderingKey, content}
}
