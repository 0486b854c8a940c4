import {ARCHIVE_PREFIX, CANARY_PREFIX, isWanted, RESERVED_PREFIX} from '../contract.ts'
import type {ObjectEvent} from './envelope.ts'
import type {WorkerSettings} from './settings.ts'

/** How this worker treats an event. */
export type Route =
  | {readonly kind: 'file'}
  | {readonly kind: 'canary'}
  /** Acknowledged without work. */
  | {readonly kind: 'skip'; readonly severity: 'DEBUG' | 'INFO' | 'WARNING'; readonly reason: string}

/** Decides from the event alone whether it is a file, a canary, or irrelevant to this worker. */
export function routeEvent(
  event: ObjectEvent,
  settings: Pick<WorkerSettings, 'inputBucket' | 'outputBucket' | 'filter' | 'afterwards'>,
): Route {
  const {eventType, bucket, object} = event
  if (eventType !== 'OBJECT_FINALIZE') {
    return {kind: 'skip', severity: 'DEBUG', reason: `events of type ${eventType} are not processed`}
  }
  if (bucket === settings.outputBucket) {
    return {
      kind: 'skip',
      severity: 'WARNING',
      reason: `the event is from the output bucket ${bucket}: remove that bucket's notification`,
    }
  }
  if (settings.inputBucket !== undefined && bucket !== settings.inputBucket) {
    return {
      kind: 'skip',
      severity: 'WARNING',
      reason: `the event is from bucket ${bucket}, but this worker's input is ${settings.inputBucket}`,
    }
  }
  if (object.startsWith(CANARY_PREFIX) && object !== CANARY_PREFIX) return {kind: 'canary'}
  if (object.startsWith(RESERVED_PREFIX)) {
    return {kind: 'skip', severity: 'INFO', reason: `names under ${RESERVED_PREFIX} are reserved`}
  }
  if (object.endsWith('/')) {
    return {kind: 'skip', severity: 'DEBUG', reason: 'the object is a folder placeholder'}
  }
  if (settings.afterwards === 'archive' && object.startsWith(ARCHIVE_PREFIX)) {
    return {kind: 'skip', severity: 'INFO', reason: `names under ${ARCHIVE_PREFIX} are processed inputs`}
  }
  if (!isWanted(object, settings)) {
    const {prefix = '', suffix = ''} = settings.filter
    return {kind: 'skip', severity: 'INFO', reason: `the filter is "${prefix}…${suffix}"`}
  }
  return {kind: 'file'}
}
