/** A LogEntry (google.logging.v2) in JSON, as services of the local cloud write it. */
export interface LogEntry {
  /** `projects/P/logs/run.googleapis.com%2Fstdout` */
  logName: string
  resource: {type: string; labels: Record<string, string>}
  /** RFC 3339, up to nanoseconds; the time of receipt if absent. */
  timestamp?: string
  receiveTimestamp?: string
  severity?: string
  insertId?: string
  labels?: Record<string, string>
  textPayload?: string
  jsonPayload?: Record<string, unknown>
  protoPayload?: Record<string, unknown>
  httpRequest?: Record<string, unknown>
  trace?: string
  spanId?: string
  sourceLocation?: Record<string, unknown>
}

/** Where services write their log lines. */
export interface LogSink {
  /** Takes entries at once; they are durable, and seen by tails, soon after. Never throws. */
  append(entries: readonly LogEntry[]): void
}
