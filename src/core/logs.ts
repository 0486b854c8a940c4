import {setTimeout as sleep} from 'node:timers/promises'
import type {Context} from './ports/context.ts'
import {AppError, isTransient} from './errors.ts'
import type {LogLine, LogQuery} from './ports/logs.ts'
import {command, suggest} from './suggestion.ts'

/** How many of the newest lines to show. */
export const DEFAULT_LIMIT = 1000
/** Earlier lines that `tail` shows first, unless it is asked how far back to look. */
export const TAIL_HISTORY = 10
/** How many times in a row a broken stream is reopened. */
const MOST_RECONNECTS = 5
/** A stream that breaks after this time is the first to break in a row. */
const LASTING_MS = 60_000
/** How many lines to remember: lines arrive late, or twice, within a limited window. */
const REMEMBERED = 10_000

export interface LogsRequest {
  readonly object?: string | undefined
  /** `error` means this severity and above. Upper or lower case. */
  readonly severity?: string | undefined
  /** How far back, in milliseconds. */
  readonly sinceMs?: number | undefined
  /** Keep following until the signal. */
  readonly tail: boolean
  /** Most lines to show, the newest; default 1000, with `tail` the last 10. New lines are not counted. */
  readonly limit?: number | undefined
}

/**
 * Log lines, oldest first; with `tail` the recent ones, then new ones as they arrive. Each line once, however often the
 * API returns it. Ends quietly at the signal.
 * @throws AppError; `object-unknown` if no such object exists and no log lines mention it, except with `tail`
 */
export async function* logs(request: LogsRequest, context: Context): AsyncGenerator<LogLine, void, void> {
  const {cloud, signal} = context
  const query: LogQuery = {
    service: context.pipeline.names.service,
    job: context.pipeline.names.job,
    ...(request.object === undefined ? {} : {objects: [request.object]}),
    ...(request.severity === undefined ? {} : {severity: request.severity}),
  }
  const isNew = rememberLines()
  const since =
    request.sinceMs === undefined ? undefined : new Date(Date.now() - request.sinceMs).toISOString()
  const history = request.tail && since === undefined ? TAIL_HISTORY : DEFAULT_LIMIT
  let last: string | undefined

  async function readBack(from: string | undefined, limit: number): Promise<LogLine[]> {
    const lines: LogLine[] = []
    for await (const line of cloud.logs.list(
      {...query, ...(from === undefined ? {} : {since: from})},
      {limit, signal},
    ))
      lines.push(line)
    return lines.toReversed().filter(isNew)
  }

  for (const line of await readBack(since, request.limit ?? history)) {
    last = line.time
    yield line
  }
  if (!request.tail) {
    if (last === undefined && request.object !== undefined) await requireObject(request.object, context)
    return
  }

  let failures = 0
  for (let session = 1; !signal.aborted; session++) {
    const begun = performance.now()
    try {
      if (session > 1) {
        // Lines that arrived while the stream was closed.
        const from = last ?? new Date(Date.now() - 60_000).toISOString()
        for (const line of await readBack(from, DEFAULT_LIMIT)) {
          last = line.time
          yield line
        }
      }
      for await (const line of cloud.logs.tail(query, {signal})) {
        if (!isNew(line)) continue
        failures = 0
        last = line.time
        yield line
      }
      failures = 0
    } catch (error) {
      failures = performance.now() - begun > LASTING_MS ? 1 : failures + 1
      if (!isTransient(error) || failures > MOST_RECONNECTS) throw error
    }
    if (!(await pause(1000 * Math.max(1, failures), signal))) return
  }
}

async function requireObject(object: string, {cloud, pipeline}: Context): Promise<void> {
  const {inputBucket} = pipeline.names
  if ((await cloud.objects.stat(inputBucket, object)) !== undefined) return
  throw new AppError(`No object ${object} in bucket ${inputBucket}, and no log lines mention it.`, {
    code: 'object-unknown',
    suggestions: [suggest`List files: ${command('status')}`],
  })
}

/** Google's advice: lines with the same timestamp and insertId are the same. */
function rememberLines(): (line: LogLine) => boolean {
  const seen = new Set<string>()
  return ({time, insertId}) => {
    const key = `${time} ${insertId}`
    if (seen.has(key)) return false
    seen.add(key)
    if (seen.size > REMEMBERED) {
      const [oldest] = seen
      if (oldest !== undefined) seen.delete(oldest)
    }
    return true
  }
}

/** @returns whether to continue: false after the signal */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  return sleep(ms, undefined, {signal}).then(
    () => true,
    () => false,
  )
}
