import {RESULT_METADATA} from '../contract.ts'
import {isLater, newestSource, sourceOf, type Written} from '../outcome.ts'
import type {Delivery, ObjectEvent} from './envelope.ts'
import type {ObjectMetadata} from './storage/index.ts'

/** A result, an `outputs.json` or an `error.json` in the output bucket. */
export interface Committed extends Written {
  /** The object's own generation, for preconditions. */
  readonly outputGeneration: string
  /** Generation of the input that it was produced from; `undefined` if no worker wrote it. */
  readonly source: bigint | undefined
}

/** What to do about an event, given what was committed. */
export type Decision =
  | {readonly kind: 'process'}
  /** The effect exists already. `staleError` is an older fault that the success did not get to remove. */
  | {
      readonly kind: 'duplicate'
      readonly of: 'result' | 'error'
      readonly staleError: Committed | undefined
    }
  /** The user cancelled notifications published until then. */
  | {readonly kind: 'cancelled'}
  /** A newer generation has been processed: nothing from an older one may appear any more. */
  | {readonly kind: 'superseded'; readonly by: bigint}

export function toCommitted({
  generation,
  timeCreated,
  metadata,
}: Pick<ObjectMetadata, 'generation' | 'timeCreated' | 'metadata'>): Committed {
  return {outputGeneration: generation, timeCreated, source: sourceOf({metadata}), metadata}
}

/** Name of the input that an object of the output bucket belongs to; `undefined` if no worker wrote it. */
export function ownerOf(name: string, {source, metadata}: Committed): string | undefined {
  return metadata[RESULT_METADATA.sourceObject] ?? (source === undefined ? undefined : name)
}

/**
 * Decides by the pair that makes the effect exactly once: the generation of the input, and the id of the request to
 * process it again. A notification without such an id is satisfied by any run of its generation.
 */
export function decide(
  {
    event,
    publishTime,
  }: {readonly event: Pick<ObjectEvent, 'generation' | 'reprocessId'>; readonly publishTime: string},
  result: Committed | undefined,
  error: Committed | undefined,
): Decision {
  const generation = BigInt(event.generation)
  const newest = newestSource(result, error)
  if (newest !== undefined && newest > generation) return {kind: 'superseded', by: newest}
  const isEffect = (committed: Committed | undefined): boolean =>
    committed?.source === generation &&
    committed.metadata[RESULT_METADATA.cancelled] === undefined &&
    committed.metadata[RESULT_METADATA.pending] === undefined &&
    (event.reprocessId === undefined || committed.metadata[RESULT_METADATA.reprocessId] === event.reprocessId)
  if (result !== undefined && isEffect(result)) {
    const isStale = error !== undefined && isLater(result, error)
    return {kind: 'duplicate', of: 'result', staleError: isStale ? error : undefined}
  }
  if (isEffect(error)) return {kind: 'duplicate', of: 'error', staleError: undefined}
  if (isCancelled({event, publishTime}, error)) return {kind: 'cancelled'}
  return {kind: 'process'}
}

/** Whether an `error.json` cancels a delivery: of its generation, and written after its notification was published. */
export function isCancelled(
  {event, publishTime}: {readonly event: Pick<ObjectEvent, 'generation'>; readonly publishTime: string},
  error: Committed | undefined,
): boolean {
  return (
    error?.metadata[RESULT_METADATA.cancelled] !== undefined &&
    error.source === BigInt(event.generation) &&
    Date.parse(publishTime) <= Date.parse(error.timeCreated)
  )
}

/** The custom metadata that marks everything this run of this delivery writes. */
export function commitMetadata(delivery: Delivery, startedAt: Date): Record<string, string> {
  const {event} = delivery
  return {
    [RESULT_METADATA.sourceGeneration]: event.generation,
    [RESULT_METADATA.attempt]: String(delivery.attempt),
    [RESULT_METADATA.messageId]: delivery.messageId,
    [RESULT_METADATA.published]: delivery.publishTime,
    [RESULT_METADATA.started]: startedAt.toISOString(),
    ...(event.reprocessId === undefined ? {} : {[RESULT_METADATA.reprocessId]: event.reprocessId}),
  }
}

/** True if the run that `metadata` marks wrote the object itself: an upload whose response was lost. */
export function isSameRun(committed: Committed, metadata: Readonly<Record<string, string>>): boolean {
  return Object.entries(metadata).every(([name, value]) => committed.metadata[name] === value)
}
