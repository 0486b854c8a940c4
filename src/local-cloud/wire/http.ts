import type {IncomingHttpHeaders, IncomingMessage, Server, ServerResponse} from 'node:http'
import type {Socket} from 'node:net'
import type {Readable} from 'node:stream'
import {createServer} from '../node-http.ts'
import {codeOf} from '../system-error.ts'
import {type Admit, type OnOutsideCall, outsideMessage} from './admission.ts'
import {DiskFullError} from '../disk-full.ts'
import {ApiError, toApiError} from './api-error.ts'
import type {Call, Principal} from './call.ts'
import type {Fault, FaultPlan, Victim} from './faults.ts'
import {faultyAnswer, faultyBody} from './faulty-bodies.ts'
import {isArriving, send} from './http-answer.ts'
import {decoded, IncomingRequest} from './http-request.ts'
import type {RequestLog} from './request-log.ts'
import {createRouter, type FindRoute} from './router.ts'
import type {HttpResponse, Route} from './routes.ts'
import {admitPage, type Page, preflight, refusedPage} from './pages.ts'
import {unpackBody} from './packed-body.ts'
import {tunnel} from './tunnel.ts'

const BREAKS = new Set([
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
  'ECANCELED',
  'ECONNRESET',
  'EPIPE',
])

/** What a connection may take of us. */
export interface HttpLimits {
  readonly headerBytes: number
  /** From the first byte of a request to the end of its headers. */
  readonly headersMs: number
  /** Between two requests on one connection. */
  readonly keepAliveMs: number
  /** Without a byte, while a body is on its way in either direction. */
  readonly silentBodyMs: number
}

export const HTTP_LIMITS: HttpLimits = {
  headerBytes: 32 * 1024,
  headersMs: 30_000,
  keepAliveMs: 30_000,
  silentBodyMs: 300_000,
}

export interface HttpCallers {
  /** Which requests are for the routes. */
  readonly admit: Admit
  /** The local cloud's own port that a CONNECT to `host:port` reaches, if any; `identify` is not asked about its caller. */
  readonly tunnelTo: (authority: string) => number | undefined
  readonly onTunnelRefused: OnOutsideCall
  /** Who a request with this `authorization` header is. @throws ApiError UNAUTHENTICATED */
  readonly identify: (authorization: string | undefined) => Principal
  /** Called with the connection of a request that outlives the server. */
  readonly spare: (socket: Socket) => void
  /** Aborted when the local cloud stops. */
  readonly stopping: AbortSignal
  /** Called with the local cloud's internal errors. */
  readonly report: (error: unknown) => void
  readonly faults: FaultPlan | undefined
  readonly requests: RequestLog | undefined
}

/** An HTTP/1.1 server for the routes, the first that matches. Every CONNECT without a port here is refused at once. */
export function createHttpServer(
  routes: readonly Route[],
  callers: HttpCallers,
  limits: HttpLimits = HTTP_LIMITS,
): Server {
  // Many ports never get a request.
  let findRoute: FindRoute | undefined
  const limitSilence = silenceLimiter(limits.silentBodyMs)
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersMs,
      connectionsCheckingInterval: Math.min(limits.headersMs, 5000),
      keepAliveTimeout: limits.keepAliveMs,
      // A body may take as long as it likes, as long as it moves.
      requestTimeout: 0,
    },
    (message, response) => {
      limitSilence(message, response)
      findRoute ??= createRouter(routes)
      void serve(message, response, findRoute, callers)
    },
  )
  server.on('clientError', (error, socket) => {
    if (socket.writable) socket.end(`HTTP/1.1 ${statusLineFor(error)}\r\nConnection: close\r\n\r\n`)
  })
  server.on('connect', ({url = ''}, socket, head) => {
    const port = callers.tunnelTo(url)
    if (port !== undefined) {
      tunnel(socket, head, port)
      return
    }
    callers.onTunnelRefused({host: url, method: 'CONNECT'})
    const body = `${outsideMessage(url)}\n`
    socket.end(
      `HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    )
  })
  return server
}

/** A peer that neither sends the rest of its body nor reads ours is disconnected; a handler may take its time. */
function silenceLimiter(silentBodyMs: number): (message: IncomingMessage, response: ServerResponse) => void {
  let begun: [IncomingMessage, ServerResponse][] = []
  const check = (): void => {
    const requests = begun
    begun = []
    for (const [message, response] of requests) {
      if (!isArriving(message)) continue
      const {socket} = message
      socket.setTimeout(silentBodyMs)
      message.once('end', () => {
        if (!response.writableFinished) socket.setTimeout(0)
      })
    }
  }
  return (message, response) => {
    response.on('pipe', () => message.socket.setTimeout(silentBodyMs))
    // Most bodies have arrived by then.
    if (begun.push([message, response]) === 1) setImmediate(check)
  }
}

function statusLineFor({code}: NodeJS.ErrnoException): string {
  if (code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large'
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request'
}

async function serve(
  message: IncomingMessage,
  response: ServerResponse,
  findRoute: FindRoute,
  callers: HttpCallers,
): Promise<void> {
  let found: Route | undefined
  let page: Page | undefined
  let principal: Principal = 'allUsers'
  let refusals = callers.requests
  try {
    const {origin, path: target, foreignPage: foreign} = callers.admit(message)
    const path = withoutQuery(target)
    const {headers} = message
    const method = methodOf(message)
    const planned = method === 'OPTIONS' ? headers['access-control-request-method'] : undefined
    const match = findRoute(planned ?? method, path)
    if (match) {
      const {route: candidate} = match
      const params = decoded(match.groups)
      if (planned !== undefined) {
        await send(message, response, {
          headers: preflight(candidate, params, {headers, foreign}),
        })
        return
      }
      page = admitPage(candidate, params, {method, headers, foreign})
      found = candidate
      if (candidate.outlivesServer === true) {
        callers.spare(message.socket)
        response.shouldKeepAlive = false
      }
      principal = page.identify(callers.identify(headers.authorization))
      const call = new IncomingCall(principal, origin, {response, stopping: callers.stopping})
      const work = (): Promise<HttpResponse> | HttpResponse =>
        answerOf(candidate, message, {method, target, path, call, params}, callers)
      refusals = undefined
      const answer = await (callers.requests === undefined || candidate.beyondFaults === true
        ? work()
        : callers.requests.within({principal, method, path}, work, (end) =>
            'value' in end
              ? (end.value.status ?? 200)
              : (candidate.renderError?.(end.error) ?? commonForm(toApiError(end.error))).status,
          ))
      const sending = send(message, response, answer, page.headers)
      if (sending !== undefined) await sending
      return
    }
    if (foreign !== undefined) throw refusedPage(foreign)
    principal = callers.identify(headers.authorization)
    throw new ApiError('UNIMPLEMENTED', `${method} ${path} is not served by the local cloud.`)
  } catch (error) {
    // A response that waits for an earlier one of its connection does not learn that it closed.
    if (isGone(response) || message.socket.destroyed) {
      if (!callers.stopping.aborted && !isBreak(error)) callers.report(error)
      return
    }
    const answer = found?.renderError?.(error) ?? commonForm(toApiError(error))
    if ((answer.status ?? 500) >= 500 && !(error instanceof ApiError)) callers.report(error)
    refusals?.refused(
      {principal, method: methodOf(message), path: withoutQuery(message.url), status: answer.status},
      error,
    )
    if (response.headersSent) response.destroy()
    else
      try {
        await send(message, response, answer, page?.headers)
      } catch {
        response.destroy()
      }
  }
}

class IncomingCall implements Call {
  readonly principal: Principal
  readonly origin: string
  readonly #response: ServerResponse
  readonly #stopping: AbortSignal
  #signal: AbortSignal | undefined

  constructor(
    principal: Principal,
    origin: string,
    {response, stopping}: {response: ServerResponse; stopping: AbortSignal},
  ) {
    this.principal = principal
    this.origin = origin
    this.#response = response
    this.#stopping = stopping
  }

  /** Rarely needed, and costly. */
  get signal(): AbortSignal {
    if (this.#signal !== undefined) return this.#signal
    const gone = new AbortController()
    const response = this.#response
    if (isGone(response)) gone.abort()
    else
      response.once('close', () => {
        if (isGone(response)) gone.abort()
      })
    this.#signal = AbortSignal.any([gone.signal, this.#stopping])
    return this.#signal
  }
}

/** Whether the caller left before it had its answer. */
function isGone(response: ServerResponse): boolean {
  return response.closed && !response.writableFinished
}

/** What work ends with because its caller has left, or for no fault of ours; anything else took the connection with it. */
function isBreak(error: unknown): boolean {
  if (error instanceof ApiError || error instanceof DiskFullError) return true
  if (!(error instanceof Error)) return false
  return error.name === 'AbortError' || BREAKS.has(codeOf(error) ?? '')
}

/** Has the route answer, apart from what is to go wrong on purpose. */
function answerOf(
  route: Route,
  message: IncomingMessage,
  incoming: {method: string; target: string; path: string; call: Call; params: Record<string, string>},
  {faults}: HttpCallers,
): Promise<HttpResponse> | HttpResponse {
  const {method, target, path, call, params} = incoming
  const answer = (body: Readable): Promise<HttpResponse> | HttpResponse => {
    const {headers, stream} =
      route.storesEncoding === true
        ? {headers: message.headers, stream: body}
        : unpackBody(message.headers, body)
    return route.handle(new IncomingRequest({method, headers, target}, stream, params, call))
  }
  const fault =
    route.beyondFaults === true || faults === undefined || faults.isEmpty
      ? undefined
      : findFault(faults, route, {method, headers: message.headers}, path, call)
  return fault === undefined || faults === undefined
    ? answer(message)
    : faultyAnswerOf(answer, message, {fault, faults, call})
}

async function faultyAnswerOf(
  answerTo: (body: Readable) => Promise<HttpResponse> | HttpResponse,
  message: IncomingMessage,
  {fault, faults, call}: {fault: Fault; faults: FaultPlan; call: Call},
): Promise<HttpResponse> {
  const {socket} = message
  const carryOut = async (
    due: Fault,
    {signal = call.signal, breakConnection = () => socket.resetAndDestroy()}: Partial<Victim> = {},
  ): Promise<void> => {
    if (due.take()) await faults.carryOut(due.action, {signal, breakConnection})
  }
  const {afterRequestBytes, afterResponseBytes} = fault
  if (afterRequestBytes === undefined && afterResponseBytes === undefined) await carryOut(fault)
  const body =
    afterRequestBytes === undefined
      ? message
      : faultyBody(message, afterRequestBytes, (left) =>
          carryOut(fault, {signal: AbortSignal.any([call.signal, left])}),
        )
  const answer = await answerTo(body)
  if (afterResponseBytes === undefined) return answer
  return faultyAnswer(answer, afterResponseBytes, async () => {
    // What was sent before arrives: a reset would take back what the caller has not read yet.
    await new Promise((resolve) => socket.write('', resolve))
    await carryOut(fault, {breakConnection: () => socket.destroy()})
  })
}

function findFault(
  faults: FaultPlan,
  {name}: Route,
  {method, headers}: {method: string; headers: IncomingHttpHeaders},
  path: string,
  {principal}: Call,
): Fault | undefined {
  const retryTestId = headers['x-retry-test-id']
  return faults.find({
    name,
    method,
    path,
    principal,
    retryTestId: typeof retryTestId === 'string' ? retryTestId : undefined,
  })
}

/**
 * What a client wants that can send GET and POST only, or whose URL would be too long:
 * https://cloud.google.com/apis/docs/system-parameters (`X-HTTP-Method-Override`)
 */
function methodOf({method = 'GET', headers}: IncomingMessage): string {
  const wanted = headers['x-http-method-override']
  return method === 'POST' && typeof wanted === 'string' && wanted !== '' ? wanted.toUpperCase() : method
}

function withoutQuery(target = '/'): string {
  const end = target.indexOf('?')
  return end === -1 ? target : target.slice(0, end)
}

function commonForm(error: ApiError): HttpResponse {
  return {status: error.httpStatus, json: error.toJSON()}
}
