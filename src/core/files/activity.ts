import type {Context} from '../ports/context.ts'
import type {LogLine} from '../ports/logs.ts'
import {fileKey} from './dead-letters.ts'
import type {LastError} from './files.ts'
import {reasonIn} from './reason.ts'

/** What the logs say about a file that has no result yet. */
export interface Activity {
  /** `running` only while an attempt is known to run. */
  readonly state: 'waiting' | 'running'
  /** Number of the newest attempt, as Pub/Sub counts: it starts again when the file is redriven or reprocessed. */
  readonly attempts: number
  /** When the newest attempt began, RFC 3339. */
  readonly startedAt: string
  /** When the newest attempt ended, in milliseconds since the epoch. */
  readonly endedMs?: number
  /** Why the last attempt that ended did not finish it. */
  readonly lastError?: LastError
}

/** A file without a result. */
export interface OpenFile {
  readonly object: string
  readonly generation: string
  /** RFC 3339. */
  readonly uploadedAt: string
}

/** Up to this many files are queried by name; for more, the newest lines about any file are read first. */
const MOST_NAMED = 300
const MOST_UNNAMED_LINES = 10_000
/** Enough to find what runs now. */
const MOST_NEWEST_LINES = 2000
/** How much later than their timestamp lines may arrive. */
const LATE_MS = 60_000

/** One delivery of a file, by its lines. */
interface Attempt {
  readonly attempt: number
  readonly messageId: string | undefined
  startedAt: string
  /** Milliseconds since the epoch. */
  newestMs: number
  hasEnded: boolean
  error: ReturnType<typeof reasonIn>
}

/**
 * What runs now, by the newest lines alone if there are many files: of those, the map has only the ones that were
 * delivered within the deadline.
 * @returns by `fileKey`; whether it is all that the logs say
 */
export async function readNewestActivity(
  files: readonly OpenFile[],
  context: Pick<Context, 'cloud' | 'pipeline' | 'signal'>,
): Promise<{readonly activities: ReadonlyMap<string, Activity>; readonly isComplete: boolean}> {
  const reader = createActivityReader(context)
  const isComplete = files.length <= MOST_NAMED
  return {activities: await (isComplete ? reader.read(files) : reader.readNewest(files)), isComplete}
}

/** Follows what the logs say about open files. */
export interface ActivityReader {
  /**
   * @param now milliseconds since 1970
   * @returns by `fileKey`; files without a seen delivery are missing
   */
  read(files: readonly OpenFile[], now?: number): Promise<ReadonlyMap<string, Activity>>
  /** By the newest lines within the deadline alone. */
  readNewest(files: readonly OpenFile[], now?: number): Promise<ReadonlyMap<string, Activity>>
}

/**
 * Reads which files are being processed, how often they were tried and why they are not done: all lines about their
 * deliveries since the oldest was uploaded, so no attempt at an open file is missed while the logs keep it.
 * A reused reader reads only what is new.
 *
 * Many files are not queried one by one (the logs may be read 60 times a minute, cloud.google.com/logging/quotas):
 * the newest lines cover most, and only those not mentioned there are queried by name, hundreds at a time.
 */
export function createActivityReader({
  cloud,
  pipeline,
  signal,
}: Pick<Context, 'cloud' | 'pipeline' | 'signal'>): ActivityReader {
  const {service, job} = pipeline.names
  const ackDeadlineMs = pipeline.settings.ackDeadline * 1000
  const attempts = new Map<string, Attempt[]>()
  let readUntil = -Infinity

  async function take(since: number, objects: readonly string[] | undefined, limit: number): Promise<number> {
    const query = {service, job, about: 'deliveries' as const, since: new Date(since).toISOString()}
    let lines = 0
    for await (const line of cloud.logs.list(objects === undefined ? query : {...query, objects}, {
      limit,
      signal,
    })) {
      lines++
      note(line, attempts)
    }
    return lines
  }

  function activitiesOf(files: readonly OpenFile[], now: number): ReadonlyMap<string, Activity> {
    return new Map(
      files.flatMap((file) => {
        const newestFirst = attempts
          .get(keyOf(file))
          ?.toSorted((one, other) => Date.parse(other.startedAt) - Date.parse(one.startedAt))
        const [newest] = newestFirst ?? []
        if (newest === undefined) return []
        const lastError = newestFirst?.find(({error}) => error !== undefined)?.error?.error
        const {hasEnded, newestMs} = newest
        const activity: Activity = {
          // A worker that has logged nothing for longer than a delivery may take is gone.
          state: hasEnded || newestMs <= now - ackDeadlineMs ? 'waiting' : 'running',
          attempts: newest.attempt,
          startedAt: newest.startedAt,
          ...(hasEnded ? {endedMs: newestMs} : {}),
          ...(lastError === undefined ? {} : {lastError}),
        }
        return [[keyOf(file), activity] as const]
      }),
    )
  }

  return {
    async read(files, now = Date.now()) {
      const since = Math.max(oldestOf(files), readUntil - LATE_MS)
      const isNamed = files.length <= MOST_NAMED
      const names = (of: readonly OpenFile[]) => [...new Set(of.map(({object}) => object))]
      const read = await take(
        since,
        isNamed ? names(files) : undefined,
        isNamed ? Infinity : MOST_UNNAMED_LINES,
      )
      if (!isNamed && read === MOST_UNNAMED_LINES)
        await take(since, names(files.filter((file) => !attempts.has(keyOf(file)))), Infinity)
      readUntil = now
      return activitiesOf(files, now)
    },
    async readNewest(files, now = Date.now()) {
      await take(Math.max(oldestOf(files), now - ackDeadlineMs), undefined, MOST_NEWEST_LINES)
      return activitiesOf(files, now)
    },
  }
}

function oldestOf(files: readonly OpenFile[]): number {
  return files.reduce((oldest, {uploadedAt}) => Math.min(oldest, Date.parse(uploadedAt)), Infinity)
}

/** Whether a line about a delivery is its last: the worker's with an `outcome`, or one of Cloud Run's own. */
export function endsAttempt({source, fields}: Pick<LogLine, 'source' | 'fields'>): boolean {
  return source !== 'worker' || typeof fields['outcome'] === 'string'
}

function note(line: LogLine, attempts: Map<string, Attempt[]>): void {
  const {object, generation, messageId, time, latencyMs = 0} = line
  // A request is logged under the time at which it began.
  const untilMs = Date.parse(time) + latencyMs
  if (object === undefined || generation === undefined || line.task !== undefined) return
  const key = fileKey(object, generation)
  const ofFile = attempts.get(key) ?? []
  attempts.set(key, ofFile)
  const number = line.attempt ?? 1
  let one = ofFile.find(
    (known) =>
      known.attempt === number &&
      // Not every worker logs the message id.
      (known.messageId === undefined || messageId === undefined || known.messageId === messageId),
  )
  if (one === undefined) {
    one = {attempt: number, messageId, startedAt: time, newestMs: untilMs, hasEnded: false, error: undefined}
    ofFile.push(one)
  }
  if (time < one.startedAt) one.startedAt = time
  one.newestMs = Math.max(one.newestMs, untilMs)
  one.hasEnded ||= endsAttempt(line)
  const reason = reasonIn(line)
  if (reason !== undefined && reason.weight >= (one.error?.weight ?? 0)) one.error = reason
}

function keyOf({object, generation}: OpenFile): string {
  return fileKey(object, generation)
}
