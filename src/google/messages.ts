import type {Messages, WaitingMessage} from '../core/ports.ts'
import {grpcOptions, once, ONE_TRY, type Connection} from './connection.ts'
import {retried, toAppError} from './errors.ts'

/** One pull gives at most so many messages (cloud.google.com/pubsub/quotas). */
const MOST_PER_PULL = 1000

/** Pub/Sub by `@google-cloud/pubsub`. */
export function createMessages(connection: Connection): Messages & {close(): Promise<void>} {
  let opened = false
  const subscriber = once(async () => {
    const {v1} = await import('@google-cloud/pubsub')
    opened = true
    return new v1.SubscriberClient(await grpcOptions(connection))
  })

  return {
    async peek(short, {limit, signal}) {
      const subscription = `projects/${connection.projectId}/subscriptions/${short}`
      const seen = new Map<string, WaitingMessage>()
      const taken: string[] = []
      const client = await subscriber()
      try {
        while (seen.size < limit && !signal.aborted) {
          const maxMessages = Math.min(limit - seen.size, MOST_PER_PULL)
          const [answer] = await retried(
            () => client.pull({subscription, maxMessages, returnImmediately: true}, ONE_TRY),
            signal,
          )
          const received = answer.receivedMessages ?? []
          const before = seen.size
          for (const {ackId, message} of received) {
            if (ackId) taken.push(ackId)
            if (!message?.messageId) continue
            seen.set(message.messageId, {
              messageId: message.messageId,
              publishTime: toTime(message.publishTime),
              attributes: {...message.attributes},
            })
          }
          if (seen.size === before) break
        }
        return [...seen.values()]
      } catch (error) {
        throw toAppError(error, `Looking at subscription ${short}`)
      } finally {
        // Put back at once, so that the next look sees them too.
        for (let at = 0; at < taken.length; at += MOST_PER_PULL) {
          const ackIds = taken.slice(at, at + MOST_PER_PULL)
          await client
            .modifyAckDeadline({subscription, ackIds, ackDeadlineSeconds: 0}, ONE_TRY)
            .catch(() => {})
        }
      }
    },

    async close() {
      if (opened) await (await subscriber()).close()
    },
  }
}

/** RFC 3339 of a protobuf timestamp. */
function toTime(timestamp: {seconds?: unknown; nanos?: number | null} | null | undefined): string {
  const seconds = Number(timestamp?.seconds ?? 0)
  return new Date(seconds * 1000 + (timestamp?.nanos ?? 0) / 1e6).toISOString()
}
