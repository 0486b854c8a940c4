import type {Context} from '../ports/context.ts'
import {readNotification} from './notification.ts'

/** Most dead letters to read. */
const MOST_DEAD = 1000

/** The newest dead letter of a file. */
export interface DeadLetter {
  readonly object: string
  /** Number of delivery attempts. */
  readonly attempts: number
  /** When delivery was given up, RFC 3339. */
  readonly publishedAt: string
  /** Of the reprocess request that failed, if it was one. */
  readonly reprocessId: string | undefined
}

/** Dead letters by object and generation. */
export type DeadLetters = ReadonlyMap<string, DeadLetter>

/** Key of a generation of an object in maps such as `DeadLetters`. */
export function fileKey(object: string, generation: string): string {
  return `${generation} ${object}`
}

/** Reads the dead letters and leaves them in the subscription. Attributes are Google's. */
export async function readDeadLetters({
  cloud,
  pipeline,
  signal,
}: Pick<Context, 'cloud' | 'pipeline' | 'signal'>): Promise<DeadLetters> {
  const waiting = await cloud.messages.peek(pipeline.names.deadLetterSubscription, {limit: MOST_DEAD, signal})
  const dead = new Map<string, DeadLetter>()
  for (const {attributes, publishTime} of waiting) {
    const notified = readNotification(attributes, pipeline.names.inputBucket)
    if (notified === undefined) continue
    const attempts = Number(
      attributes['CloudPubSubDeadLetterSourceDeliveryCount'] ?? pipeline.settings.maxDeliveryAttempts,
    )
    const key = fileKey(notified.object, notified.generation)
    const {object, reprocessId} = notified
    const known = dead.get(key)
    if (known === undefined || Date.parse(known.publishedAt) < Date.parse(publishTime))
      dead.set(key, {object, attempts, publishedAt: publishTime, reprocessId})
  }
  return dead
}
