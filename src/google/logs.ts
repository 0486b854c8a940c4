import {on} from 'node:events'
import type {Entry, Logging} from '@google-cloud/logging'
import {BEGUN, LOG_LABELS} from '../../worker/contract.ts'
import {fieldsOf} from '../core/json.ts'
import type {LogQuery, LogSource} from '../core/ports/logs.ts'
import {grpcOptions, once, type Connection} from './connection.ts'
import {toAppError} from './errors.ts'
import {lineOf, listedEntry, streamedEntry, type LogEntry} from './log-entry.ts'
import {joinLabels, UNLABELLED_FAILURES} from './log-labels.ts'
import {objectsIn, textIn, type Json, type Rest} from './rest.ts'

const DAY_MS = 86_400_000
/** Retention of Cloud Logging's `_Default` bucket (cloud.google.com/logging/quotas). */
const RETENTION_DAYS = 30
const LARGEST_PAGE = 1000
/** Characters for names in a filter, which may have 20,000 in total (cloud.google.com/logging/quotas). */
const LONGEST_NAMES = 15_000

/** How Google ends a session after an hour: google.rpc.Code.OUT_OF_RANGE. */
const SESSION_OVER = 11

const REQUESTS = 'logName:"run.googleapis.com%2Frequests"'
const DELIVERIES = `(jsonPayload.message="${BEGUN}" OR jsonPayload.outcome:* OR httpRequest.status>=400 OR logName:"run.googleapis.com%2Fvarlog%2Fsystem")`

/** Cloud Logging: read over REST, which loads nothing, and followed through `@google-cloud/logging`. */
export function createLogSource(connection: Connection, rest: Rest): LogSource & {close(): Promise<void>} {
  let opened = false
  const logging = once(async (): Promise<Logging> => {
    const {Logging: Client} = await import('@google-cloud/logging')
    const client = new Client(await grpcOptions(connection))
    opened = true
    return client
  })

  /** Pages of entries, newest first. */
  async function* pages(filter: string, limit: number, signal: AbortSignal): AsyncGenerator<LogEntry[]> {
    const resourceNames = [`projects/${connection.projectId}`]
    let pageToken: string | undefined
    let given = 0
    do {
      signal.throwIfAborted()
      const pageSize = Math.min(limit - given, LARGEST_PAGE)
      const request: Json = {resourceNames, filter, orderBy: 'timestamp desc', pageSize, pageToken}
      const answer = await rest.request('logging', 'POST', '/v2/entries:list', request, 'Reading the logs')
      const entries = objectsIn(answer, 'entries').map((entry) => listedEntry(entry))
      yield entries.slice(0, limit - given)
      given += entries.length
      pageToken = textIn(answer, 'nextPageToken')
    } while (pageToken !== undefined && pageToken !== '' && given < limit)
  }

  /** Lines about as many objects as one filter names, with Cloud Run's about their requests and containers. */
  async function* listPart(query: LogQuery & {since: string}, limit: number, signal: AbortSignal) {
    const find = async (filter: string): Promise<LogEntry[]> => {
      const {objects: _objects, about: _about, severity: _severity, ...range} = query
      const found = pages(`${toFilter(range)} AND ${filter}`, LARGEST_PAGE, signal)
      return (await Array.fromAsync(found)).flat()
    }
    const wanted = query.objects && new Set(query.objects)
    const seen = new Set<string>()
    let unlabelled = wanted === undefined ? [] : await find(UNLABELLED_FAILURES)
    for await (const page of pages(toFilter(query), limit, signal)) {
      // Those of one millisecond stay in the order in which they came.
      const entries = [...page, ...unlabelled].toSorted(
        (one, other) => Date.parse(other.time) - Date.parse(one.time),
      )
      const joined = await joinLabels(entries, find)
      for (const entry of entries) {
        const line = lineOf(entry, joined.get(entry))
        const key = `${line.time} ${line.insertId}`
        if (seen.has(key) || (wanted && (line.object === undefined || !wanted.has(line.object)))) continue
        seen.add(key)
        yield line
      }
      unlabelled = []
    }
  }

  return {
    async *list(query, {limit, signal}) {
      const since = query.since ?? new Date(Date.now() - RETENTION_DAYS * DAY_MS).toISOString()
      let left = limit
      for (const part of partsOf(query)) {
        for await (const line of listPart({...part, since}, left, signal)) {
          if (left-- > 0) yield line
        }
        if (left <= 0) return
      }
    },

    async *tail(query, {signal}) {
      const client = await logging()
      const stream = client.tailEntries({filter: toFilter(query)})
      try {
        for await (const [response] of on(stream, 'data', {signal, close: ['end', 'close']})) {
          for (const entry of entriesOf(response)) yield lineOf(streamedEntry(entry))
        }
      } catch (error) {
        if (signal.aborted || fieldsOf(error)['code'] === SESSION_OVER) return
        throw toAppError(error, 'Following the logs')
      } finally {
        stream.on('error', () => {}) // cancelling raises an error
        stream.destroy()
      }
    },

    async close() {
      if (opened) await (await logging()).loggingService.close()
    },
  }
}

/** Splits a query into parts whose names fit into one filter each. */
function partsOf({objects, ...query}: LogQuery): LogQuery[] {
  if (objects === undefined) return [query]
  const parts: string[][] = []
  let length = Infinity
  for (const object of objects) {
    const size = quote(object).length + ' OR '.length
    if (length + size > LONGEST_NAMES) {
      parts.push([])
      length = 0
    }
    parts.at(-1)?.push(object)
    length += size
  }
  return parts.map((part) => ({...query, objects: part}))
}

/** The filter in the Logging query language. Values are quoted: an object may have any name. */
export function toFilter({service, job, objects, about, revision, severity, since}: LogQuery): string {
  const ofService = `resource.type="cloud_run_revision" AND resource.labels.service_name=${quote(service)}`
  const [object, ...others] = objects ?? []
  return [
    job === undefined
      ? ofService
      : `((${ofService}) OR (resource.type="cloud_run_job" AND resource.labels.job_name=${quote(job)}))`,
    ...(revision === undefined ? [] : [`resource.labels.revision_name=${quote(revision)}`]),
    ...(object === undefined
      ? []
      : others.length === 0
        ? [`labels.${LOG_LABELS.object}=${quote(object)}`]
        : [`labels.${LOG_LABELS.object}=(${[object, ...others].map(quote).join(' OR ')})`]),
    ...(about === undefined ? [] : [about === 'requests' ? REQUESTS : DELIVERIES]),
    ...(severity === undefined ? [] : [`severity>=${severity.toUpperCase()}`]),
    ...(since === undefined ? [] : [`timestamp>=${quote(since)}`]),
  ].join(' AND ')
}

function quote(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}

function entriesOf(response: unknown): Entry[] {
  const {entries} = fieldsOf(response)
  return Array.isArray(entries) ? entries : []
}
