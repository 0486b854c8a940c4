/** One line of a pipeline's logs. */
export interface LogLine {
  /** Who wrote it: the worker, or Cloud Run about a request or a container. */
  readonly source: 'worker' | 'requests' | 'system'
  readonly time: string
  readonly insertId: string
  readonly severity: string
  readonly message: string
  readonly object: string | undefined
  readonly generation: string | undefined
  readonly attempt: number | undefined
  readonly messageId: string | undefined
  /** Number of a task that helps the first one of an execution; its lines, and Cloud Run's about it, end no attempt. */
  readonly task?: string
  readonly revision: string | undefined
  /** HTTP status, if the line is from the request log. */
  readonly status: number | undefined
  /** How long the request took, if the line is from the request log. */
  readonly latencyMs: number | undefined
  /** Id of the container instance, if one was involved. */
  readonly instance: string | undefined
  /** The structured fields besides the message. */
  readonly fields: Readonly<Record<string, unknown>>
}

export interface LogQuery {
  readonly service: string
  /** Also lines of this job. */
  readonly job?: string
  /** Lines about any of these. If they exceed one filter, lines come in parts, newest first within each. */
  readonly objects?: readonly string[]
  /**
   * `deliveries`: lines about the start or end of a delivery. `requests`: those of Cloud Run's request log.
   */
  readonly about?: 'deliveries' | 'requests'
  readonly revision?: string
  /** This severity and above. */
  readonly severity?: string
  /** RFC 3339. */
  readonly since?: string
}

/** The part of Cloud Logging that core needs. */
export interface LogSource {
  /** Newest first; pages are fetched on demand. */
  list(query: LogQuery, options: {limit: number; signal: AbortSignal}): AsyncIterable<LogLine>
  /** New lines as they arrive, from now on, until the signal, or the service ends the session. @throws AppError */
  tail(query: LogQuery, options: {signal: AbortSignal}): AsyncIterable<LogLine>
}
