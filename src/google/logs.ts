import {on} from 'node:events'
import type {Entry, Logging} from '@google-cloud/logging'
import {LOG_LABELS} from '../../worker/contract.ts'
import type {LogLine, LogQuery, LogSource} from '../core/ports/logs.ts'
import {grpcOptions, once, ONE_TRY, type Connection} from './connection.ts'
import {isTransient, retried, toAppError, translated} from './errors.ts'
import {isJson} from './rest.ts'

const DAY_MS = 86_400_000
/** What the `_Default` bucket of Cloud Logging keeps (cloud.google.com/logging/quotas). */
const RETENTION_DAYS = 30

/** Cloud Logging by `@google-cloud/logging`. */
export function createLogSource(connection: Connection): LogSource & {close(): Promise<void>} {
  let opened = false
  const logging = once(async (): Promise<Logging> => {
    const {Logging: Client} = await import('@google-cloud/logging')
    const client = new Client(await grpcOptions(connection))
    opened = true
    return client
  })

  return {
    async *list(query, {limit, signal}) {
      const client = await logging()
      const since = query.since ?? new Date(Date.now() - RETENTION_DAYS * DAY_MS).toISOString()
      const filter = toFilter({...query, since})
      let pageToken: string | undefined
      let given = 0
      do {
        signal.throwIfAborted()
        const request = {
          filter,
          orderBy: 'timestamp desc',
          pageSize: Math.min(limit - given, 1000),
          autoPaginate: false,
          gaxOptions: ONE_TRY,
          ...(pageToken === undefined ? {} : {pageToken}),
        }
        const [entries, , answer] = await translated('Reading the logs', () =>
          retried(() => client.getEntries(request), signal),
        )
        for (const entry of entries.slice(0, limit - given)) yield toLine(entry)
        given += entries.length
        pageToken = answer?.nextPageToken ?? undefined
      } while (pageToken !== undefined && pageToken !== '' && given < limit)
    },

    async *tail(query, {signal}) {
      const client = await logging()
      const stream = client.tailEntries({filter: toFilter(query)})
      try {
        for await (const [response] of on(stream, 'data', {signal, close: ['end', 'close']})) {
          for (const entry of entriesOf(response)) yield toLine(entry)
        }
      } catch (error) {
        if (signal.aborted) return
        // Google ends a session after an hour: the caller asks again.
        if (!isTransient(error)) throw toAppError(error, 'Following the logs')
      } finally {
        stream.on('error', () => {}) // cancelling answers with an error of its own
        stream.destroy()
      }
    },

    async close() {
      if (opened) await (await logging()).loggingService.close()
    },
  }
}

/** The filter in the Logging query language. Values are quoted: an object may have any name. */
export function toFilter({service, job, object, revision, severity, since}: LogQuery): string {
  const ofService = `resource.type="cloud_run_revision" AND resource.labels.service_name=${quote(service)}`
  return [
    job === undefined
      ? ofService
      : `((${ofService}) OR (resource.type="cloud_run_job" AND resource.labels.job_name=${quote(job)}))`,
    ...(revision === undefined ? [] : [`resource.labels.revision_name=${quote(revision)}`]),
    ...(object === undefined ? [] : [`labels.${LOG_LABELS.object}=${quote(object)}`]),
    ...(severity === undefined ? [] : [`severity>=${severity.toUpperCase()}`]),
    ...(since === undefined ? [] : [`timestamp>=${quote(since)}`]),
  ].join(' AND ')
}

function quote(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}

function entriesOf(response: unknown): Entry[] {
  if (typeof response !== 'object' || response === null || !('entries' in response)) return []
  return Array.isArray(response.entries) ? response.entries : []
}

function toLine({metadata, data}: Entry): LogLine {
  const labels = metadata.labels ?? {}
  const attempt = Number(labels[LOG_LABELS.attempt])
  const {message, ...fields} = isJson(data) ? data : {message: typeof data === 'string' ? data : undefined}
  return {
    time: toTime(metadata.timestamp),
    insertId: metadata.insertId ?? '',
    severity: String(metadata.severity ?? 'DEFAULT'),
    message:
      typeof message === 'string'
        ? message
        : (requestMessage(metadata.httpRequest) ??
          (message === undefined ? JSON.stringify(fields) : JSON.stringify(message))),
    object: labels[LOG_LABELS.object],
    generation: labels[LOG_LABELS.generation],
    attempt: Number.isInteger(attempt) && attempt > 0 ? attempt : undefined,
    messageId: labels[LOG_LABELS.messageId],
    revision: metadata.resource?.labels?.['revision_name'],
    status:
      isJson(metadata.httpRequest) && typeof metadata.httpRequest['status'] === 'number'
        ? metadata.httpRequest['status']
        : undefined,
    fields,
  }
}

/** A request log has no message: `POST / 204`. */
function requestMessage(request: unknown): string | undefined {
  if (!isJson(request)) return undefined
  const {requestMethod, requestUrl, status} = request
  if (typeof requestMethod !== 'string' || typeof requestUrl !== 'string') return undefined
  const path = URL.canParse(requestUrl) ? new URL(requestUrl).pathname : requestUrl
  return `${requestMethod} ${path} ${String(status)}`
}

function toTime(timestamp: Entry['metadata']['timestamp']): string {
  if (timestamp instanceof Date) return timestamp.toISOString()
  return typeof timestamp === 'string' ? timestamp : ''
}
