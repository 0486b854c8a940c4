import type {Activity} from './activity.ts'
import type {DeadLetter} from './dead-letters.ts'
import type {FileStatus} from './files.ts'
import type {HandedOver} from './hand-over.ts'
import type {Settings} from '../settings/settings.ts'

/** What is known about a file without a result. */
export interface Evidence {
  readonly letter: DeadLetter | undefined
  readonly handedOver: HandedOver | undefined
  readonly activity: Activity | undefined
  readonly settings: RetrySettings
}

type RetrySettings = Pick<Settings, 'maxDeliveryAttempts' | 'minimumBackoff' | 'maximumBackoff'>

/**
 * State of a file without a result. Whatever runs comes first, a job or a delivery newer than its dead letter; then the
 * dead letter; then what has ended.
 */
export function standing({
  letter,
  handedOver,
  activity,
  settings,
}: Evidence): Pick<FileStatus, 'state' | 'attempts' | 'job' | 'error' | 'lastError' | 'retry'> {
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
    activity !== undefined && letter === undefined && activity.attempts >= settings.maxDeliveryAttempts
  if (activity === undefined || isRedriven) return {...last, state: 'waiting', attempts: 0}
  return {...last, state: 'waiting', attempts: activity.attempts, ...retryAfter(activity, settings)}
}

/** The wait doubles with each attempt: https://cloud.google.com/pubsub/docs/handling-failures#exponential_backoff */
function retryAfter(
  {attempts, endedMs, lastError}: Activity,
  {minimumBackoff, maximumBackoff, maxDeliveryAttempts}: RetrySettings,
): Pick<FileStatus, 'retry'> {
  if (endedMs === undefined || lastError === undefined) return {}
  const waitMs = 1000 * Math.min(maximumBackoff, minimumBackoff * 2 ** (attempts - 1))
  const notBefore = new Date(endedMs + waitMs).toISOString()
  return {retry: {attempt: attempts + 1, of: maxDeliveryAttempts, notBefore}}
}

function isLater(time: string, than: string): boolean {
  return Date.parse(time) > Date.parse(than)
}
