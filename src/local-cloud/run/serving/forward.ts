import {randomBytes} from 'node:crypto'
import type {IncomingMessage, ServerResponse} from 'node:http'
import {setTimeout as pass} from 'node:timers/promises'
import type {Exit, Instance} from '../../instances/instance.ts'
import {request as httpRequest} from '../../node-http.ts'
import {codeOf} from '../../system-error.ts'
import {schemeOf} from '../../wire/admission.ts'
import type {Clock} from '../../wire/clock.ts'
import {withoutSignature} from './gate.ts'
import type {PushedObject} from './pushed-object.ts'

/** How long to wait, after a connection breaks, to learn that the instance has ended. */
const EXIT_NEWS_MS = 1000
/** Headers for one hop, not for caller and container (RFC 9110, 7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** A response of the front end itself. */
export interface OwnAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly text: string
  readonly reason: string
}

const TIMED_OUT: OwnAnswer = {
  status: 504,
  text: 'upstream request timeout',
  reason:
    'The request has been terminated because it has reached the maximum request timeout. To change this limit, see https://cloud.google.com/run/docs/configuring/request-timeout',
}

/** Of Cloud Trace: the caller's trace, and a span for this request. */
export interface Trace {
  readonly traceId: string
  readonly spanId: string
}

/** Continues the caller's trace, or starts one. */
export function traceOf({headers}: IncomingMessage): Trace {
  const inherited =
    /^00-(?<id>[0-9a-f]{32})-/.exec(String(headers['traceparent'] ?? ''))?.groups?.['id'] ??
    /^(?<id>[0-9a-f]{32})(?:\/|$)/i.exec(String(headers['x-cloud-trace-context'] ?? ''))?.groups?.['id']
  return {
    traceId: inherited?.toLowerCase() ?? randomBytes(16).toString('hex'),
    spanId: randomBytes(8).toString('hex'),
  }
}

/** The outcome of a request that reached an instance. */
export interface Passed {
  readonly sentBytes: number
  readonly own?: OwnAnswer
  /** How the instance ended during the request. */
  readonly exit?: Exit
}

/**
 * Forwards the request to an instance and its response back.
 * @returns when both are done; `unconnected` if nothing was sent, since the instance accepted no connection: it has ended,
 * and its exit has not been reported yet
 */
export function forward(
  {
    request,
    response,
    pushed,
  }: {request: IncomingMessage; response: ServerResponse; pushed: Pick<PushedObject, 'follow'>},
  instance: Pick<Instance, 'port' | 'reach' | 'exited' | 'isDebugged'>,
  trace: Trace,
  {clock, timeoutMs}: {clock: Clock; timeoutMs: number},
): Promise<Passed | 'unconnected'> {
  return new Promise((resolve) => {
    let sentBytes = 0
    let ended = false
    const upstream = httpRequest({
      host: '127.0.0.1',
      port: instance.port,
      method: request.method,
      path: request.url,
      headers: requestHeaders(request, trace, instance.reach.headers),
      setHost: false,
      // The container may close a kept-alive connection just as the next request is sent.
      agent: false,
    })
    const close = (): void => {
      timer?.clear()
      response.off('close', gone)
      upstream.destroy()
    }
    const end = (own?: OwnAnswer, exit?: Exit): void => {
      if (ended) return
      ended = true
      close()
      // What the container did not read is in the way of the caller's next request.
      request.unpipe(upstream)
      request.resume()
      resolve({sentBytes, ...(own && !response.headersSent ? {own} : {}), ...(exit && {exit})})
      if (own && response.headersSent) response.destroy()
    }
    const gone = (): void => end()
    /** The reader of the response reaches a new instance with its next request, not the rest of this one. */
    const breakOff = async (cause: Error): Promise<void> => {
      const exit = await Promise.race([instance.exited, pass(EXIT_NEWS_MS, undefined)])
      end(malformed(cause), exit)
    }
    // The instance is not ended: it may still be working, as on Cloud Run.
    const timer = instance.isDebugged === true ? undefined : clock.after(timeoutMs, () => end(TIMED_OUT))
    upstream.once('socket', (socket) => {
      socket.once('connect', () => {
        pushed.follow()
        request.pipe(upstream)
      })
    })
    upstream.once('response', (answered) => {
      response.writeHead(answered.statusCode ?? 502, answered.statusMessage, endToEnd(answered.rawHeaders))
      answered.on('data', (chunk: Buffer) => {
        sentBytes += chunk.length
      })
      answered.once('error', (error) => void breakOff(error))
      answered.pipe(response)
      response.once('finish', () => end())
    })
    upstream.on('error', (error) => {
      if (codeOf(error) === 'ECONNREFUSED') {
        close()
        resolve('unconnected')
        return
      }
      void breakOff(error)
    })
    if (response.closed) end()
    else response.once('close', gone)
  })
}

function malformed(error: Error): OwnAnswer {
  return {
    status: 503,
    text: 'Service Unavailable',
    reason: `The request failed because either the HTTP response was malformed or connection to the instance had an error (${error.message}).`,
  }
}

/** As a flat list, so that repeated headers stay as they are. */
function requestHeaders(
  request: IncomingMessage,
  {traceId, spanId}: Trace,
  reach: Readonly<Record<string, string>>,
): string[] {
  const own = new Set([
    'x-cloud-trace-context',
    'traceparent',
    'x-forwarded-for',
    'x-forwarded-proto',
    'forwarded',
    ...Object.keys(reach),
  ])
  const address = request.socket.remoteAddress ?? '127.0.0.1'
  const before = request.headers['x-forwarded-for']
  const headers = endToEnd(request.rawHeaders, own)
  for (let index = 0; index < headers.length; index += 2) {
    const value = headers[index + 1]
    if (headers[index]?.toLowerCase() === 'authorization' && value !== undefined)
      headers[index + 1] = withoutSignature(value)
  }
  headers.push(
    'x-cloud-trace-context',
    `${traceId}/${BigInt(`0x${spanId}`)};o=1`,
    'traceparent',
    `00-${traceId}-${spanId}-01`,
    'x-forwarded-for',
    typeof before === 'string' ? `${before},${address}` : address,
    'x-forwarded-proto',
    schemeOf(request),
    'forwarded',
    `for="${address}";proto=${schemeOf(request)}`,
    // A container that is to close the connection after its answer resets it if it has not read the body.
    'connection',
    'keep-alive',
    ...Object.entries(reach).flat(),
  )
  if (request.headers['content-length'] === undefined && request.headers['transfer-encoding'] !== undefined)
    headers.push('transfer-encoding', 'chunked')
  return headers
}

function endToEnd(rawHeaders: readonly string[], excluded: ReadonlySet<string> = new Set()): string[] {
  return rawHeaders.filter((_, index) => {
    const name = (rawHeaders[index - (index % 2)] ?? '').toLowerCase()
    return !HOP_BY_HOP.has(name) && !excluded.has(name)
  })
}
