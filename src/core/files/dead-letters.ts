import type {Context} from '../ports/context.ts'
import {readNotification} from './notification.ts'

/** Dead letters that are looked at, at most. */
const MOST_DEAD = 1000

/** A dead-lettered file by object and generation, and how often its delivery was tried. */
export type DeadLetters = ReadonlyMap<string, {readonly object: string; readonly attempts: number}>

/** Key of a generation of an object in maps such as `DeadLetters`. */
export function fileKey(object: string, generation: string): string {
  return `${generation} ${object}`
}

/** Looks at the dead letters and leaves them where they are. Attributes are Google's. */
export async function readDeadLetters({
  cloud,
  pipeline,
  signal,
}: Pick<Context, 'cloud' | 'pipeline' | 'signal'>): Promise<DeadLetters> {
  const waiting = await cloud.messages.peek(pipeline.names.deadLetterSubscription, {limit: MOST_DEAD, signal})
  const dead = new Map<string, {object: string; attempts: number}>()
  for (const {attributes} of waiting) {
    const notified = readNotification(attributes, pipeline.names.inputBucket)
    if (notified === undefined) continue
    const attempts = Number(
      attributes['CloudPubSubDeadLetterSourceDeliveryCount'] ?? pipeline.settings.maxDeliveryAttempts,
    )
    dead.set(fileKey(notified.object, notified.generation), {object: notified.object, attempts})
  }
  return dead
}
