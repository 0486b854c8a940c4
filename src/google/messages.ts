import {eachOf} from '../core/parallel.ts'
import type {Messages, TakenMessage, WaitingMessage} from '../core/ports/messages.ts'
import {grpcOptions, once, ONE_TRY, type Connection} from './connection.ts'
import {retried, toAppError} from './errors.ts'

/** Most messages that one pull returns (cloud.google.com/pubsub/quotas). */
const MOST_PER_PULL = 1000
const AT_ONCE = 8

/** Handles a message. @returns whether it is done with it */
type Visit = (message: TakenMessage) => Promise<boolean>

/** Pub/Sub through `@google-cloud/pubsub`. */
export function createMessages(connection: Connection): Messages & {close(): Promise<void>} {
  const opened: (() => Promise<{close(): Promise<void>}>)[] = []
  const subscriber = once(async () => {
    const {v1} = await import('@google-cloud/pubsub')
    const client = new v1.SubscriberClient(await grpcOptions(connection))
    opened.push(subscriber)
    return client
  })
  const publisher = once(async () => {
    const {v1} = await import('@google-cloud/pubsub')
    const client = new v1.PublisherClient(await grpcOptions(connection))
    opened.push(publisher)
    return client
  })

  /** Pulls until nothing new arrives, at most `limit` messages; those for which `visit` returns false are put back. */
  async function visitAll(short: string, limit: number, signal: AbortSignal, visit: Visit): Promise<void> {
    const subscription = `projects/${connection.projectId}/subscriptions/${short}`
    const seen = new Set<string>()
    const held = new Set<string>()
    const client = await subscriber()
    try {
      for (let before = -1; before < seen.size && seen.size < limit;) {
        signal.throwIfAborted()
        before = seen.size
        const maxMessages = Math.min(limit - seen.size, MOST_PER_PULL)
        const [answer] = await retried(
          () => client.pull({subscription, maxMessages, returnImmediately: true}, ONE_TRY),
          signal,
        )
        const received = answer.receivedMessages ?? []
        for (const {ackId} of received) if (ackId) held.add(ackId)
        await eachOf(received, AT_ONCE, async ({ackId, message}) => {
          if (!ackId || !message?.messageId || seen.has(message.messageId)) return
          signal.throwIfAborted()
          seen.add(message.messageId)
          const isDone = await visit({
            messageId: message.messageId,
            publishTime: toTime(message.publishTime),
            attributes: {...message.attributes},
            data: Buffer.from(message.data ?? ''),
          })
          if (!isDone) return
          await retried(() => client.acknowledge({subscription, ackIds: [ackId]}, ONE_TRY))
          held.delete(ackId)
        })
      }
    } finally {
      // Put back at once, so the next pull sees them too.
      const ackIds = [...held]
      for (let at = 0; at < ackIds.length; at += MOST_PER_PULL) {
        const some = ackIds.slice(at, at + MOST_PER_PULL)
        await client
          .modifyAckDeadline({subscription, ackIds: some, ackDeadlineSeconds: 0}, ONE_TRY)
          .catch(() => {})
      }
    }
  }

  return {
    async peek(short, {limit, signal}) {
      const messages: WaitingMessage[] = []
      try {
        await visitAll(short, limit, signal, ({messageId, publishTime, attributes}) => {
          messages.push({messageId, publishTime, attributes})
          return Promise.resolve(false)
        })
        return messages
      } catch (error) {
        throw toAppError(error, `Reading subscription ${short}`)
      }
    },

    async take(short, work, {signal}) {
      try {
        await visitAll(short, Number.POSITIVE_INFINITY, signal, work)
      } catch (error) {
        throw toAppError(error, `Pulling from subscription ${short}`)
      }
    },

    async publish(short, {data, attributes}, {signal}) {
      const topic = `projects/${connection.projectId}/topics/${short}`
      const client = await publisher()
      try {
        const messages = [{data, attributes: {...attributes}}]
        const [answer] = await retried(() => client.publish({topic, messages}, ONE_TRY), signal)
        return answer.messageIds?.[0] ?? ''
      } catch (error) {
        throw toAppError(error, `Publishing to topic ${short}`)
      }
    },

    async close() {
      await Promise.all(opened.map(async (client) => (await client()).close()))
    },
  }
}

/** RFC 3339 of a protobuf timestamp. */
function toTime(timestamp: {seconds?: unknown; nanos?: number | null} | null | undefined): string {
  const seconds = Number(timestamp?.seconds ?? 0)
  return new Date(seconds * 1000 + (timestamp?.nanos ?? 0) / 1e6).toISOString()
}
