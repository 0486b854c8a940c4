import type {NotReadyError} from '../capacity/container.ts'
import type {Condition, Revision} from '../resources.ts'

/** A condition that succeeded. */
export function succeeded(type: string, time: string): Condition {
  return {type, state: 'CONDITION_SUCCEEDED', lastTransitionTime: time}
}

/** A condition that is still pending. */
export function reconciling(type: string, time: string): Condition {
  return {type, state: 'CONDITION_RECONCILING', lastTransitionTime: time}
}

/** A condition that failed, with the reason. */
export function failed(
  type: string,
  time: string,
  message: string,
  reason: {reason: string} | {revisionReason: string} = {reason: 'REVISION_FAILED'},
): Condition {
  return {type, state: 'CONDITION_FAILED', message, lastTransitionTime: time, severity: 'ERROR', ...reason}
}

/** A revision's conditions while it starts. */
export function pendingRevision(time: string): Condition[] {
  return ['Ready', 'ContainerReady', 'ContainerHealthy'].map((type) => reconciling(type, time))
}

/** A revision's conditions once it is known whether it became ready. */
export function decidedRevision(time: string, error: NotReadyError | undefined): Condition[] {
  if (!error)
    return ['Ready', 'ContainerReady', 'ContainerHealthy', 'ResourcesAvailable'].map((type) =>
      succeeded(type, time),
    )
  const cause = failed(error.condition, time, error.message, error.reason)
  return [
    failed('Ready', time, error.message, error.reason),
    ...(error.condition === 'ContainerHealthy' ? [succeeded('ContainerReady', time)] : []),
    cause,
  ]
}

/** Whether a revision has become ready. */
export function isReady({conditions}: Pick<Revision, 'conditions'>): boolean {
  return conditions.some(({type, state}) => type === 'Ready' && state === 'CONDITION_SUCCEEDED')
}
