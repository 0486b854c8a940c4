/** One line of a pipeline's logs. */
export interface LogLine {
  /** Who wrote it: the worker, or Cloud Run about a request, or about a container. */
  readonly source: 'worker' | 'requests' | 'system'
  readonly time: string
  readonly insertId: string
  readonly severity: string
  readonly message: string
  readonly object: string | undefined
  readonly generation: string | undefined
  readonly attempt: number | undefined
  readonly messageId: string | undefined
  readonly revision: string | undefined
  /** HTTP status, where the line is of a request log. */
  readonly status: number | undefined
  /** The structured fields besides the message. */
  readonly fields: Readonly<Record<string, unknown>>
}

export interface LogQuery {
  readonly service: string
  /** Lines of this job as well. */
  readonly job?: string
  /** Lines about any of these. Of more than fit into a filter, the lines come in parts, newest first in each. */
  readonly objects?: readonly string[]
  /**
   * `deliveries`: lines which say that a delivery began, or how it ended. `requests`: those of Cloud
   * Run's request log.
   */
  readonly about?: 'deliveries' | 'requests'
  readonly revision?: string
  /** This severity and above. */
  readonly severity?: string
  /** RFC 3339. */
  readonly since?: string
}

/** Cloud Logging, as far as core needs it. */
export interface LogSource {
  /** Newest first; page by page as they are asked for. */
  list(query: LogQuery, options: {limit: number; signal: AbortSignal}): AsyncIterable<LogLine>
  /** New lines as they come, from now on, until the signal. */
  tail(query: LogQuery, options: {signal: AbortSignal}): AsyncIterable<LogLine>
}
