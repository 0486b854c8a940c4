import type {LogLine} from '../ports/logs.ts'
import type {LastError} from './files.ts'
import {endsAttempt} from './activity.ts'
import {reasonIn} from './reason.ts'

/** One delivery of a file to a worker, as its log lines show it. */
export interface DeliveryAttempt {
  /** As Pub/Sub counts: starts again at 1 when the file is redriven or reprocessed. */
  readonly attempt: number
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
  const groups: LogLine[][] = []
  const own = lines.filter((line) => line.object === object && line.generation === generation)
  for (const line of own.toSorted((one, other) => Date.parse(one.time) - Date.parse(other.time))) {
    const group = groups.findLast(([first]) => first !== undefined && isSameDelivery(first, line))
    if (group === undefined) groups.push([line])
    else group.push(line)
  }
  return groups.flatMap((group) => deliveryOf(group))
}

/** Not every worker, and none of Cloud Run's own lines, has the message's id. */
function isSameDelivery(one: LogLine, other: LogLine): boolean {
  const isSameMessage =
    one.messageId === undefined || other.messageId === undefined || one.messageId === other.messageId
  return isSameMessage && (one.attempt ?? 1) === (other.attempt ?? 1)
}

function deliveryOf(lines: readonly LogLine[]): DeliveryAttempt[] {
  const [first] = lines
  if (first === undefined) return []
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
  return [
    {
      attempt: first.attempt ?? 1,
      ...(messageId === undefined ? {} : {messageId}),
      startedAt: typeof started === 'string' && started < first.time ? started : first.time,
      ...(end === undefined ? {} : {endedAt: end.time, answer: isRefused ? 'nack' : 'ack'}),
      ...(status === undefined ? {} : {status}),
      ...(outcome === undefined ? {} : {outcome}),
      ...(reason === undefined ? {} : {reason: reason.error}),
      ...(first.revision === undefined ? {} : {revision: first.revision}),
      ...(first.instance === undefined ? {} : {instance: first.instance}),
    },
  ]
}
