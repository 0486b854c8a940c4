import type {Segment} from './tokens.ts'

/**
 * The type of a field: what a filter's value is converted to. `dynamic` is decided by the entry (payloads),
 * `map` has text under free keys.
 */
export type FieldType =
  | 'string'
  | 'boolean'
  | 'number'
  | 'timestamp'
  | 'duration'
  | 'severity'
  | 'map'
  | 'dynamic'
  | Message

/** A message: its fields by their JSON names. */
interface Message {
  readonly [field: string]: FieldType
}

/** google.logging.v2.LogEntry, as far as entries may have it. */
const LOG_ENTRY: Message = {
  logName: 'string',
  resource: {type: 'string', labels: 'map'},
  timestamp: 'timestamp',
  receiveTimestamp: 'timestamp',
  severity: 'severity',
  insertId: 'string',
  labels: 'map',
  textPayload: 'string',
  jsonPayload: 'dynamic',
  protoPayload: 'dynamic',
  httpRequest: {
    requestMethod: 'string',
    requestUrl: 'string',
    requestSize: 'number',
    status: 'number',
    responseSize: 'number',
    userAgent: 'string',
    remoteIp: 'string',
    serverIp: 'string',
    referer: 'string',
    latency: 'duration',
    cacheLookup: 'boolean',
    cacheHit: 'boolean',
    cacheValidatedWithOriginServer: 'boolean',
    cacheFillBytes: 'number',
    protocol: 'string',
  },
  operation: {id: 'string', producer: 'string', first: 'boolean', last: 'boolean'},
  trace: 'string',
  spanId: 'string',
  traceSampled: 'boolean',
  sourceLocation: {file: 'string', line: 'number', function: 'string'},
  split: {uid: 'string', index: 'number', totalSplits: 'number'},
}

/** A field of LogEntry as a filter names it. */
export interface Field {
  /** Keys from the entry downwards. */
  readonly keys: readonly string[]
  readonly type: FieldType
  /** A field of LogEntry's own has its default if it is absent; anything in a payload or a map is missing. */
  readonly hasDefault: boolean
}

/**
 * Finds the field of a path. LogEntry's own names are taken in any case and as `log_name` too; below payloads and
 * labels keys are exact.
 * @returns the longest part of the path that LogEntry does not define, if it is undefined
 */
export function findField(path: readonly Segment[]): Field | {undefinedField: string} {
  let type: FieldType = LOG_ENTRY
  let hasDefault = true
  const keys: string[] = []
  for (const {text} of path) {
    if (type === 'dynamic') {
      keys.push(text)
    } else if (type === 'map') {
      keys.push(text)
      type = 'string'
      hasDefault = false
    } else if (typeof type === 'string') {
      return {undefinedField: [...keys, text].join('.')}
    } else {
      const name = fieldName(type, text)
      const found: FieldType | undefined = name === undefined ? undefined : type[name]
      if (name === undefined || found === undefined) return {undefinedField: [...keys, text].join('.')}
      keys.push(name)
      type = found
      if (type === 'dynamic') hasDefault = false
    }
  }
  return {keys, type, hasDefault}
}

function fieldName(message: Message, text: string): string | undefined {
  const folded = text.replaceAll('_', '').toLowerCase()
  return Object.keys(message).find((name) => name.toLowerCase() === folded)
}
