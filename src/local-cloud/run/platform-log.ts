import type {LogEntry} from '../logging/log-sink.ts'

/** What is logged about one request. */
export interface ServedRequest {
  readonly project: string
  readonly resource: LogEntry['resource']
  readonly method: string
  readonly url: string
  readonly status: number
  readonly userAgent: string | undefined
  readonly remoteIp: string | undefined
  readonly requestSizeBytes: number
  readonly responseSizeBytes: number
  readonly receivedAt: number
  readonly endedAt: number
  /** Full name. */
  readonly trace: string
  readonly spanId: string
  /** Why the front end answered instead of the container. */
  readonly reason: string | undefined
  /** Labels of the instance, and of the object that a push is about. */
  readonly labels: Readonly<Record<string, string>>
}

/** The entry of Cloud Run's request log (cloud.google.com/run/docs/logging#request-logs). */
export function requestLogEntry(served: ServedRequest): LogEntry {
  const {project, status} = served
  return {
    logName: `projects/${project}/logs/run.googleapis.com%2Frequests`,
    resource: served.resource,
    timestamp: new Date(served.receivedAt).toISOString(),
    severity: status >= 500 ? 'ERROR' : status >= 400 ? 'WARNING' : 'INFO',
    labels: served.labels,
    ...(served.reason === undefined ? {} : {textPayload: served.reason}),
    httpRequest: {
      requestMethod: served.method,
      requestUrl: served.url,
      requestSize: String(served.requestSizeBytes),
      status,
      responseSize: String(served.responseSizeBytes),
      ...(served.userAgent === undefined ? {} : {userAgent: served.userAgent}),
      ...(served.remoteIp === undefined ? {} : {remoteIp: served.remoteIp}),
      latency: `${((served.endedAt - served.receivedAt) / 1000).toFixed(3)}s`,
      protocol: 'HTTP/1.1',
    },
    trace: served.trace,
    spanId: served.spanId,
  }
}

/** An entry of Cloud Run's system log: what happened to a container. @param of.at milliseconds since 1970 */
export function systemLogEntry({
  project,
  at,
  text,
  ...entry
}: Required<Pick<LogEntry, 'resource' | 'labels' | 'severity'>> & {
  project: string
  trace?: string
  text: string
  at: number
}): LogEntry {
  return {
    ...entry,
    logName: `projects/${project}/logs/run.googleapis.com%2Fvarlog%2Fsystem`,
    timestamp: new Date(at).toISOString(),
    textPayload: text,
  }
}
