import type {Context} from '../ports/context.ts'
import type {LogLine} from '../ports/logs.ts'
import {fileKey} from './dead-letters.ts'
import {placeOf} from './fault.ts'
import type {LastError} from './files.ts'

/** Log lines that are read at most to tell what is in work. */
const MOST_LINES = 2000

/** What the worker's log lines say of a file that has no result yet. */
export interface Activity {
  readonly state: 'waiting' | 'running'
  readonly attempts: number
  /** When the current or last attempt began, as far as it is in the lines. */
  readonly startedAt: string
  /** Why the last attempt that ended did not finish it. */
  readonly lastError?: LastError
}

/** Lines about one file that are read at most for its last error. */
const MOST_ERROR_LINES = 20

/**
 * Reads from the logs which files are in work: the worker's last line about a delivery has an `outcome`, any line
 * before it has none. Where a line without one is older than a delivery may take, that worker is gone.
 */
export async function readActivity(
  {cloud, pipeline, signal}: Pick<Context, 'cloud' | 'pipeline' | 'signal'>,
  object: string | undefined,
  now: number = Date.now(),
): Promise<ReadonlyMap<string, Activity>> {
  const {ackDeadline, maximumBackoff} = pipeline.settings
  const since = new Date(now - (ackDeadline + maximumBackoff) * 1000).toISOString()
  const isRecent = (time: string) => Date.parse(time) > now - ackDeadline * 1000
  const {service, job} = pipeline.names
  const query = {service, job, since, ...(object === undefined ? {} : {object})}
  const latest = new Map<string, Activity>()
  for await (const line of cloud.logs.list(query, {limit: MOST_LINES, signal})) {
    if (line.object === undefined || line.generation === undefined) continue
    const key = fileKey(line.object, line.generation)
    const known = latest.get(key)
    const lastError = known?.lastError ?? errorOf(line)
    const told = lastError === undefined ? {} : {lastError}
    if (known !== undefined) {
      // Newest first: further lines of the same attempt only tell when it began.
      const isSame = known.state === 'running' && line.attempt === known.attempts
      latest.set(key, {...known, ...told, ...(isSame ? {startedAt: line.time} : {})})
      continue
    }
    latest.set(key, {
      ...told,
      state: typeof line.fields['outcome'] === 'string' || !isRecent(line.time) ? 'waiting' : 'running',
      attempts: line.attempt ?? 1,
      startedAt: line.time,
    })
  }
  return latest
}

/** The last error of a file whose attempts are too long ago for `readActivity`, such as a dead one. */
export async function readLastError(
  object: string,
  generation: string,
  {cloud, pipeline, signal}: Pick<Context, 'cloud' | 'pipeline' | 'signal'>,
): Promise<LastError | undefined> {
  const {service, job} = pipeline.names
  const query = {service, job, object, severity: 'warning'}
  for await (const line of cloud.logs.list(query, {limit: MOST_ERROR_LINES, signal})) {
    const error = line.generation === generation ? errorOf(line) : undefined
    if (error !== undefined) return error
  }
  return undefined
}

/** Of the last line about an attempt, as our runtimes write it. */
function errorOf({message, time, fields}: LogLine): LastError | undefined {
  if (fields['outcome'] !== 'refused') return undefined
  const stack = fields['stack_trace']
  const place = typeof stack === 'string' ? placeOf(stack) : undefined
  return {
    message: message
      .replace(/^(?:refused, to be delivered again|not done by this attempt of the job): /, '')
      .replace(/\n[^]*$/, ''),
    ...(place === undefined ? {} : {place}),
    at: time,
  }
}
