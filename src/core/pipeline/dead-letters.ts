import type {Context} from '../context.ts'

/** Dead letters that are looked at, at most. */
const MOST_DEAD = 1000

/** A dead-lettered file by object and generation, and how often its delivery was tried. */
export type DeadLetters = ReadonlyMap<string, {readonly attempts: number}>

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
  const dead = new Map<string, {attempts: number}>()
  for (const {attributes} of waiting) {
    const object = attributes['objectId']
    const generation = attributes['objectGeneration']
    if (
      object === undefined ||
      generation === undefined ||
      attributes['bucketId'] !== pipeline.names.inputBucket
    )
      continue
    const attempts = Number(
      attributes['CloudPubSubDeadLetterSourceDeliveryCount'] ?? pipeline.settings.maxDeliveryAttempts,
    )
    dead.set(fileKey(object, generation), {attempts})
  }
  return dead
}
