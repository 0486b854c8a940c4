import type {LogLine} from '../ports/logs.ts'
import type {LastError} from './files.ts'
import {endsAttempt} from './activity.ts'
import {reasonIn} from './reason.ts'

/** One delivery of a file to a worker, as its log lines show it. */
export interface DeliveryAttempt {
  /** As Pub/Sub counts: starts again at 1 when the file is redriven or reprocessed. */
  readonly attempt: number
  /** Present if it is what the job did after this delivery handed the file over: Pub/Sub waits for no answer. */
  readonly byJob?: true
  /** Id of the Pub/Sub message, if the worker logs it: one for each notification. */
  readonly messageId?: string
  /** RFC 3339. */
  readonly startedAt: string
  /** Absent while it runs, and if it ended without a line. */
  readonly endedAt?: string
  /** `ack`: Pub/Sub got a success, whatever became of the file. `nack`: it delivers the message again. */
  readonly answer?: 'ack' | 'nack'
  /** HTTP status of the push, if it is known from a failed request. */
  readonly status?: number
  /** What the worker reported: `done`, `failed`, `refused`, `duplicate` … */
  readonly outcome?: string
  /** Why it did not finish the file. */
  readonly reason?: LastError
  readonly revision?: string
  readonly instance?: string
}

/** The deliveries of one generation of an object. @param lines in any order, about other objects too; oldest first */
export function attemptsOf(
  lines: readonly LogLine[],
  {object, generation}: {readonly object: string; readonly generation: string},
): DeliveryAttempt[] {
  const groups: Group[] = []
  const own = lines.filter(
    (line) => line.object === object && line.generation === generation && line.task === undefined,
  )
  for (const line of own.toSorted((one, other) => Date.parse(one.time) - Date.parse(other.time))) {
    const ofDelivery = groups.filter((group) => isSameDelivery(group.first, line))
    // Lines of the job are without a revision, those of a worker of one's own perhaps too.
    const byJob = line.revision === undefined && ofDelivery.some(isHandedOver)
    const group = ofDelivery.findLast((one) => one.byJob === byJob)
    if (group === undefined) groups.push({first: line, lines: [line], byJob})
    else group.lines.push(line)
  }
  return groups.map((group) => deliveryOf(group))
}

/** Lines about one delivery, or about what the job did after it. */
interface Group {
  readonly first: LogLine
  readonly lines: LogLine[]
  readonly byJob: boolean
}

function isHandedOver({lines}: Group): boolean {
  return lines.some(({fields}) => fields['outcome'] === 'handed-over')
}

/** Not every worker, and none of Cloud Run's own lines, has the message's id. */
function isSameDelivery(one: LogLine, other: LogLine): boolean {
  const isSameMessage =
    one.messageId === undefined || other.messageId === undefined || one.messageId === other.messageId
  return isSameMessage && (one.attempt ?? 1) === (other.attempt ?? 1)
}

function deliveryOf({first, lines, byJob}: Group): DeliveryAttempt {
  const end = lines.findLast(endsAttempt)
  const outcome = lines.map(({fields}) => fields['outcome']).findLast((value) => typeof value === 'string')
  const status = lines.findLast((line) => line.source === 'requests')?.status
  const [reason] = lines
    .flatMap((line) => reasonIn(line) ?? [])
    .toSorted((one, other) => other.weight - one.weight)
  const messageId = lines.find((line) => line.messageId !== undefined)?.messageId
  const isRefused = outcome === 'refused' || outcome === 'malformed' || (outcome === undefined && reason)
  const report = lines.find(({fields}) => fields['outcome'] === outcome)?.fields ?? {}
  const started = report['startedAt']
  const answer = isRefused ? ('nack' as const) : ('ack' as const)
  return {
    attempt: first.attempt ?? 1,
    ...(byJob ? {byJob} : {}),
    ...(messageId === undefined ? {} : {messageId}),
    startedAt: typeof started === 'string' && started < first.time ? started : first.time,
    ...(end === undefined ? {} : {endedAt: end.time, ...(byJob ? {} : {answer})}),
    ...(status === undefined ? {} : {status}),
    ...(outcome === undefined ? {} : {outcome}),
    ...(reason === undefined ? {} : {reason: reason.error}),
    ...(first.revision === undefined ? {} : {revision: first.revision}),
    ...(first.instance === undefined ? {} : {instance: first.instance}),
  }
}
