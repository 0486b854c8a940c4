import {CANARY_PREFIX, RESERVED_PREFIX} from '../contract.ts'
import type {ObjectEvent} from './envelope.ts'
import type {WorkerSettings} from './settings.ts'

/** What an event is to this worker, told from the event alone. */
export type Route =
  | {readonly kind: 'file'}
  | {readonly kind: 'canary'}
  /** Acknowledged without work. */
  | {readonly kind: 'skip'; readonly severity: 'DEBUG' | 'INFO' | 'WARNING'; readonly reason: string}

/** Tells files from canaries and from what is none of the worker's business. */
export function routeEvent(
  event: ObjectEvent,
  buckets: Pick<WorkerSettings, 'inputBucket' | 'outputBucket'>,
): Route {
  const {eventType, bucket, object} = event
  if (eventType !== 'OBJECT_FINALIZE') {
    return {kind: 'skip', severity: 'DEBUG', reason: `an event of type ${eventType} is nothing to process`}
  }
  if (bucket === buckets.outputBucket) {
    return {
      kind: 'skip',
      severity: 'WARNING',
      reason: `the event is of the output bucket ${bucket}: remove the notification from that bucket`,
    }
  }
  if (buckets.inputBucket !== undefined && bucket !== buckets.inputBucket) {
    return {
      kind: 'skip',
      severity: 'WARNING',
      reason: `the event is of bucket ${bucket}, this worker's input is ${buckets.inputBucket}`,
    }
  }
  if (object.startsWith(CANARY_PREFIX) && object !== CANARY_PREFIX) return {kind: 'canary'}
  if (object.startsWith(RESERVED_PREFIX)) {
    return {kind: 'skip', severity: 'INFO', reason: `names under ${RESERVED_PREFIX} are reserved`}
  }
  if (object.endsWith('/')) {
    return {kind: 'skip', severity: 'DEBUG', reason: 'the object is a folder placeholder'}
  }
  return {kind: 'file'}
}
