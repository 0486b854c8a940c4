import type {Context} from '../ports/context.ts'
import type {LogLine} from '../ports/logs.ts'
import {reasonIn} from '../files/reason.ts'
import {command, commandFor, suggest, type Suggestion} from '../suggestion.ts'

/** Most requests to inspect: one read of the logs. */
const LOOKED_AT = 200
/** How far back to look; by default Pub/Sub keeps a message no longer. */
const LOOK_BACK_MS = 7 * 86_400_000
/** One bad file may fail; this many failures in a row are not the file's fault. */
const IN_A_ROW = 3

/** A revision whose latest deliveries all failed. */
export interface FailingRevision {
  readonly revision: string
  /** How many in a row, among those inspected. */
  readonly deliveries: number
  readonly how: 'timed out' | 'crashed' | 'failed'
  /** Of the latest. */
  readonly reason: string
  /** Of the latest, if the log names it. */
  readonly object: string | undefined
}

/** What the request log says about the latest deliveries. */
export interface RecentDeliveries {
  /** None once a delivery has succeeded after them. */
  readonly failing: readonly FailingRevision[]
  /** HTTP status with which Cloud Run rejected the latest delivery: its caller may not invoke the service. */
  readonly refused: 401 | 403 | undefined
}

/** @param revisions that have traffic, by short name */
export async function readRecentDeliveries(
  revisions: readonly string[],
  {cloud, pipeline, signal}: Pick<Context, 'cloud' | 'pipeline' | 'signal'>,
): Promise<RecentDeliveries> {
  const query = {
    service: pipeline.names.service,
    about: 'requests' as const,
    since: new Date(Date.now() - LOOK_BACK_MS).toISOString(),
  }
  const newestFirst: LogLine[] = []
  for await (const line of cloud.logs.list(query, {limit: LOOKED_AT, signal})) newestFirst.push(line)
  const latest = newestFirst[0]?.status
  return {
    failing: revisions.flatMap((revision) => {
      const ofRevision = newestFirst.filter((line) => line.revision === revision)
      return failureOf(revision, ofRevision) ?? []
    }),
    refused: latest === 401 || latest === 403 ? latest : undefined,
  }
}

/** In one sentence: `5 deliveries in a row timed out on revision R: …` */
export function failureText({revision, deliveries, how, reason, object}: FailingRevision): string {
  const last = object === undefined ? '' : `, ${object} last`
  return `${deliveries} deliveries in a row ${how} on revision ${revision}${last}: ${reason}`
}

/** The command that shows why, and what to do then. */
export function failureAdvice({object}: FailingRevision): Suggestion {
  const logs =
    object === undefined
      ? command('logs', '--severity', 'error', '--since', '1h')
      : commandFor('logs', object)
  return suggest`${logs}  # then fix the worker, or: ${command('rollback')}`
}

function failureOf(revision: string, newestFirst: readonly LogLine[]): FailingRevision | undefined {
  // A delivery that was rejected, or found no free instance, says nothing about the worker.
  const served = newestFirst.filter(({status = 0}) => status < 400 || status >= 500)
  const good = served.findIndex(({status = 0}) => status < 400)
  const failed = good === -1 ? served : served.slice(0, good)
  const [last] = failed
  if (last === undefined || failed.length < IN_A_ROW) return undefined
  const ways = new Set(failed.map((line) => wayOf(line)))
  const [only, ...others] = ways
  return {
    revision,
    deliveries: failed.length,
    how: only !== undefined && others.length === 0 ? only : 'failed',
    reason: reasonIn(last)?.error.message ?? last.message,
    object: last.object,
  }
}

function wayOf({status, message}: LogLine): FailingRevision['how'] {
  if (status === 504) return 'timed out'
  return /connection to the instance had an error/.test(message) ? 'crashed' : 'failed'
}
