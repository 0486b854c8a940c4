import {fieldsOf} from '../core/json.ts'
import {eachOf} from '../core/parallel.ts'
import type {Messages, TakenMessage, WaitingMessage} from '../core/ports/messages.ts'
import {grpcOptions, once, ONE_TRY, type Connection} from './connection.ts'
import {retried, toAppError, translated} from './errors.ts'
import {objectsIn, textIn, type Json, type Rest} from './rest.ts'

/** Most messages that one pull returns (cloud.google.com/pubsub/quotas). */
const MOST_PER_PULL = 1000
const AT_ONCE = 8

/** Handles a message. @returns whether it is done with it */
type Visit = (message: TakenMessage) => Promise<boolean>

/** Pub/Sub: pulled from over REST, which loads nothing, and published to through `@google-cloud/pubsub`. */
export function createMessages(connection: Connection, rest: Rest): Messages & {close(): Promise<void>} {
  let opened = false
  const publisher = once(async () => {
    const {v1} = await import('@google-cloud/pubsub')
    const client = new v1.PublisherClient(await grpcOptions(connection))
    opened = true
    return client
  })

  /** Pulls until nothing new arrives, at most `limit` messages; those for which `visit` returns false are put back. */
  async function visitAll(
    short: string,
    {limit, signal, doing}: {limit: number; signal: AbortSignal; doing: string},
    visit: Visit,
  ): Promise<void> {
    const request = (verb: string, body: Json) => {
      const path = `/v1/projects/${connection.projectId}/subscriptions/${short}:${verb}`
      return rest.request('pubsub', 'POST', path, body, doing)
    }
    const seen = new Set<string>()
    const held = new Set<string>()
    try {
      for (let before = -1; before < seen.size && seen.size < limit;) {
        signal.throwIfAborted()
        before = seen.size
        const maxMessages = Math.min(limit - seen.size, MOST_PER_PULL)
        const answer = await request('pull', {maxMessages, returnImmediately: true})
        const received = objectsIn(answer, 'receivedMessages').map((one) => ({
          ackId: textIn(one, 'ackId') ?? '',
          message: toMessage(fieldsOf(one['message'])),
        }))
        for (const {ackId} of received) held.add(ackId)
        await eachOf(received, AT_ONCE, async ({ackId, message}) => {
          if (seen.has(message.messageId)) return
          signal.throwIfAborted()
          seen.add(message.messageId)
          if (!(await visit(message))) return
          await request('acknowledge', {ackIds: [ackId]})
          held.delete(ackId)
        })
      }
    } finally {
      // Put back at once, so the next pull sees them too.
      const ackIds = [...held]
      for (let at = 0; at < ackIds.length; at += MOST_PER_PULL) {
        const some = ackIds.slice(at, at + MOST_PER_PULL)
        await request('modifyAckDeadline', {ackIds: some, ackDeadlineSeconds: 0}).catch(() => {})
      }
    }
  }

  return {
    async peek(short, {limit, signal}) {
      const messages: WaitingMessage[] = []
      const doing = `Reading subscription ${short}`
      await translated(doing, () =>
        visitAll(short, {limit, signal, doing}, ({messageId, publishTime, attributes}) => {
          messages.push({messageId, publishTime, attributes})
          return Promise.resolve(false)
        }),
      )
      return messages
    },

    async take(short, work, {signal}) {
      const doing = `Pulling from subscription ${short}`
      await translated(doing, () => visitAll(short, {limit: Infinity, signal, doing}, work))
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
      if (opened) await (await publisher()).close()
    },
  }
}

/** https://cloud.google.com/pubsub/docs/reference/rest/v1/PubsubMessage */
function toMessage(message: Json): TakenMessage {
  return {
    messageId: textIn(message, 'messageId') ?? '',
    publishTime: new Date(textIn(message, 'publishTime') ?? 0).toISOString(),
    attributes: Object.fromEntries(
      Object.entries(fieldsOf(message['attributes'])).map(([name, value]) => [name, String(value)]),
    ),
    data: Buffer.from(textIn(message, 'data') ?? '', 'base64'),
  }
}
