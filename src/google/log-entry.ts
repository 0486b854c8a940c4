import type {Entry} from '@google-cloud/logging'
import {fieldsOf, isJsonObject, type JsonObject} from '../core/json.ts'
import type {LogLine} from '../core/ports/logs.ts'
import {LOG_LABELS} from '../../worker/contract.ts'
import {textIn, type Json} from './rest.ts'

/** An entry of Cloud Logging, whichever way it was read. */
export interface LogEntry {
  readonly logName: string
  readonly insertId: string
  /** RFC 3339, in milliseconds. */
  readonly time: string
  readonly severity: string
  readonly labels: Readonly<Record<string, string>>
  readonly revision: string | undefined
  readonly trace: string | undefined
  /** Of the request log. */
  readonly request: LoggedRequest | undefined
  /** The text or the fields that were logged. */
  readonly payload: unknown
}

interface LoggedRequest {
  readonly text: string | undefined
  readonly status: number | undefined
  readonly latencyMs: number | undefined
}

/** An entry of a list. https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry */
export function listedEntry(entry: Json): LogEntry {
  const request = entry['httpRequest']
  const seconds = textIn(fieldsOf(request), 'latency')
  return {
    logName: textIn(entry, 'logName') ?? '',
    insertId: textIn(entry, 'insertId') ?? '',
    time: new Date(textIn(entry, 'timestamp') ?? 0).toISOString(),
    severity: textIn(entry, 'severity') ?? 'DEFAULT',
    labels: textsOf(entry['labels']),
    revision: textIn(fieldsOf(fieldsOf(entry['resource'])['labels']), 'revision_name'),
    trace: textIn(entry, 'trace'),
    request: isJsonObject(request)
      ? requestOf(request, seconds === undefined ? undefined : Number.parseFloat(seconds) * 1000)
      : undefined,
    payload: entry['jsonPayload'] ?? entry['textPayload'],
  }
}

/** An entry of the stream that `@google-cloud/logging` reads. */
export function streamedEntry({metadata, data}: Entry): LogEntry {
  const {timestamp, httpRequest: request} = metadata
  const {seconds, nanos} = fieldsOf(fieldsOf(request)['latency'])
  return {
    logName: metadata.logName ?? '',
    insertId: metadata.insertId ?? '',
    time:
      timestamp instanceof Date ? timestamp.toISOString() : typeof timestamp === 'string' ? timestamp : '',
    severity: String(metadata.severity ?? 'DEFAULT'),
    labels: metadata.labels ?? {},
    revision: metadata.resource?.labels?.['revision_name'],
    trace: metadata.trace ?? undefined,
    request: isJsonObject(request)
      ? requestOf(request, Number(seconds ?? 0) * 1000 + Number(nanos ?? 0) / 1e6)
      : undefined,
    payload: data,
  }
}

/** @param joined labels in addition to the entry's own */
export function lineOf(entry: LogEntry, joined: Readonly<Record<string, string>> = {}): LogLine {
  const labels = {...entry.labels, ...joined}
  const attempt = Number(labels[LOG_LABELS.attempt])
  const task = labels[LOG_LABELS.task]
  const {payload, request} = entry
  const {message, ...fields} = isJsonObject(payload)
    ? payload
    : {message: typeof payload === 'string' ? payload : undefined}
  return {
    source: sourceOf(entry),
    time: entry.time,
    insertId: entry.insertId,
    severity: entry.severity,
    message: typeof message === 'string' ? message : (request?.text ?? JSON.stringify(message ?? fields)),
    object: labels[LOG_LABELS.object],
    generation: labels[LOG_LABELS.generation],
    attempt: Number.isInteger(attempt) && attempt > 0 ? attempt : undefined,
    messageId: labels[LOG_LABELS.messageId],
    ...(task === undefined ? {} : {task}),
    revision: entry.revision,
    status: request?.status,
    latencyMs: request?.latencyMs,
    instance: labels['instanceId'],
    fields,
  }
}

/** Which log an entry is in: the worker's, or one of Cloud Run's. */
export function sourceOf({logName}: LogEntry): LogLine['source'] {
  const log = decodeURIComponent(logName)
  if (log.endsWith('run.googleapis.com/requests')) return 'requests'
  return log.endsWith('run.googleapis.com/varlog/system') ? 'system' : 'worker'
}

function requestOf(request: JsonObject, latencyMs: number | undefined): LoggedRequest {
  const {status} = request
  return {
    text: requestText(request),
    status: typeof status === 'number' ? status : undefined,
    latencyMs,
  }
}

/** A request log has no message: `POST / 204`. */
function requestText({requestMethod, requestUrl, status}: JsonObject): string | undefined {
  if (typeof requestMethod !== 'string' || typeof requestUrl !== 'string') return undefined
  const path = URL.canParse(requestUrl) ? new URL(requestUrl).pathname : requestUrl
  return `${requestMethod} ${path} ${String(status)}`
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(fieldsOf(value)).map(([name, text]) => [name, String(text)]))
}
