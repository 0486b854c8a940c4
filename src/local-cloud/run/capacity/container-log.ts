import type {LogEntry} from '../../logging/log-sink.ts'
import {isJsonObject, parseJsonObject} from '../../wire/json.ts'

const SEVERITIES = new Set([
  'DEFAULT',
  'DEBUG',
  'INFO',
  'NOTICE',
  'WARNING',
  'ERROR',
  'CRITICAL',
  'ALERT',
  'EMERGENCY',
])
const ALIASES: Readonly<Record<string, string>> = {
  WARN: 'WARNING',
  ERR: 'ERROR',
  FATAL: 'CRITICAL',
  TRACE: 'DEBUG',
}
const PREFIX = 'logging.googleapis.com/'

/**
 * A line of a container's output as an entry. A line that is a JSON object has its special fields lifted
 * (cloud.google.com/logging/docs/structured-logging#special-payload-fields); any other is text.
 */
export function toLogEntry(
  line: string,
  base: Pick<LogEntry, 'logName' | 'resource' | 'labels'> & {timestamp: string},
): LogEntry {
  const payload = line.startsWith('{') ? parseJsonObject(line) : undefined
  if (!payload) return {...base, textPayload: line}
  const entry: LogEntry = {...base}
  const rest: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(payload)) if (!lift(entry, field, value)) rest[field] = value
  return {...entry, jsonPayload: rest}
}

/** Moves a special field to its place. @returns false if it is not one or its value is unusable */
function lift(entry: LogEntry, field: string, value: unknown): boolean {
  switch (field) {
    case 'severity': {
      const name = typeof value === 'string' ? value.toUpperCase() : ''
      const severity = ALIASES[name] ?? name
      if (!SEVERITIES.has(severity)) return false
      entry.severity = severity
      return true
    }
    case 'time':
    case 'timestamp':
      if (typeof value !== 'string' || Number.isNaN(Date.parse(value))) return false
      entry.timestamp = value
      return true
    case 'httpRequest':
      if (!isJsonObject(value)) return false
      entry.httpRequest = value
      return true
    case `${PREFIX}labels`:
      if (!isJsonObject(value)) return false
      entry.labels = {
        ...entry.labels,
        ...Object.fromEntries(Object.entries(value).map(([key, label]) => [key, asText(label)])),
      }
      return true
    case `${PREFIX}insertId`:
    case `${PREFIX}trace`:
    case `${PREFIX}spanId`:
      if (typeof value !== 'string') return false
      if (field === `${PREFIX}insertId`) entry.insertId = value
      else if (field === `${PREFIX}trace`) entry.trace = value
      else entry.spanId = value
      return true
    case `${PREFIX}sourceLocation`:
      if (!isJsonObject(value)) return false
      entry.sourceLocation = value
      return true
    default:
      return false
  }
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
