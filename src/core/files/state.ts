import type {Activity} from './activity.ts'
import type {DeadLetter} from './dead-letters.ts'
import type {FileStatus} from './files.ts'
import type {HandedOver} from './hand-over.ts'

/** What is known about a file without a result. */
export interface Evidence {
  readonly letter: DeadLetter | undefined
  readonly handedOver: HandedOver | undefined
  readonly activity: Activity | undefined
  /** Setting `maxDeliveryAttempts`. */
  readonly maxDeliveryAttempts: number
}

/**
 * State of a file without a result. Whatever runs comes first, a job or a delivery newer than its dead letter; then the
 * dead letter; then what has ended.
 */
export function standing({
  letter,
  handedOver,
  activity,
  maxDeliveryAttempts,
}: Evidence): Pick<FileStatus, 'state' | 'attempts' | 'job' | 'error' | 'lastError'> {
  const last = activity?.lastError === undefined ? {} : {lastError: activity.lastError}
  const ofJob = handedOver && {
    ...last,
    ...handedOver,
    attempts: Math.max(handedOver.attempts, activity?.attempts ?? 0),
  }
  if (ofJob?.state === 'running') return ofJob
  const isOver = letter !== undefined && !(activity && isLater(activity.startedAt, letter.publishedAt))
  if (isOver) return {...last, state: 'dead', attempts: letter.attempts}
  if (activity?.state === 'running') return {...last, state: 'running', attempts: activity.attempts}
  if (ofJob !== undefined) return ofJob
  // Attempts are used up, yet there is no dead letter: it was redriven, and Pub/Sub counts from 1 again.
  const isRedriven =
    activity !== undefined && letter === undefined && activity.attempts >= maxDeliveryAttempts
  return {...last, state: 'waiting', attempts: isRedriven ? 0 : (activity?.attempts ?? 0)}
}

function isLater(time: string, than: string): boolean {
  return Date.parse(time) > Date.parse(than)
}
