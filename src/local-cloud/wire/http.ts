import {createServer, type IncomingMessage, type Server, type ServerResponse} from 'node:http'
import {Readable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {type Admit, type OnOutsideCall, outsideMessage} from './admission.ts'
import {ApiError, toApiError} from './api-error.ts'
import type {Principal} from './call.ts'
import type {HttpRequest, HttpResponse, Route} from './routes.ts'

const MAX_HEADER_BYTES = 32 * 1024
const DEFAULT_BODY_LIMIT_BYTES = 10 * 1024 * 1024

export interface HttpCallers {
  /** Which requests are for the routes. */
  readonly admit: Admit
  readonly onOutsideCall: OnOutsideCall
  /** Who a request with this `authorization` header is. @throws ApiError UNAUTHENTICATED */
  readonly identify: (authorization: string | undefined) => Principal
  /** Aborted when the local cloud stops. */
  readonly stopping: AbortSignal
  /** Told of errors that are the local cloud's own. */
  readonly report: (error: unknown) => void
}

/** An HTTP/1.1 server for the routes, the first that matches. Every CONNECT is refused at once. */
export function createHttpServer(routes: readonly Route[], callers: HttpCallers): Server {
  const byMethod = Map.groupBy(routes, ({method}) => method)
  const server = createServer(
    {maxHeaderSize: MAX_HEADER_BYTES, requestTimeout: 0, headersTimeout: 30_000, keepAliveTimeout: 30_000},
    (message, response) => {
      void serve(message, response, byMethod, callers)
    },
  )
  server.on('connect', ({url = ''}, socket) => {
    callers.onOutsideCall({host: url, method: 'CONNECT'})
    const body = `${outsideMessage(url)}\n`
    socket.end(
      `HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    )
  })
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
  })
  return server
}

async function serve(
  message: IncomingMessage,
  response: ServerResponse,
  byMethod: ReadonlyMap<string, Route[]>,
  callers: HttpCallers,
): Promise<void> {
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  let found: Route | undefined
  try {
    const {origin, path: target} = callers.admit(message)
    // Joined as text: a path that begins with two slashes would be taken for a host.
    const url = new URL(`${origin}${target === '*' ? '/' : target}`)
    const path = target.split('?', 1)[0] ?? '/'
    for (const candidate of byMethod.get(message.method ?? 'GET') ?? []) {
      const match = candidate.pattern.exec(path)
      if (!match) continue
      found = candidate
      const request = requestOf(message, url, match.groups ?? {}, {
        principal: callers.identify(message.headers.authorization),
        signal: AbortSignal.any([gone.signal, callers.stopping]),
        origin,
      })
      await send(message, response, await candidate.handle(request))
      return
    }
    throw new ApiError('UNIMPLEMENTED', `${message.method} ${path} is not served by the local cloud.`)
  } catch (error) {
    if (gone.signal.aborted) return
    const answer = found?.renderError?.(error) ?? commonForm(toApiError(error))
    if ((answer.status ?? 500) >= 500 && !(error instanceof ApiError)) callers.report(error)
    if (response.headersSent) response.destroy()
    else await send(message, response, answer).catch(() => response.destroy())
  }
}

function commonForm(error: ApiError): HttpResponse {
  return {status: error.httpStatus, json: error.toJSON()}
}

function requestOf(
  message: IncomingMessage,
  url: URL,
  groups: Record<string, string>,
  call: HttpRequest['call'],
): HttpRequest {
  const params = Object.fromEntries(Object.entries(groups).map(([name, value]) => [name, decode(value)]))
  const bytes = (limitBytes = DEFAULT_BODY_LIMIT_BYTES): Promise<Buffer> => readAll(message, limitBytes)
  return {
    method: message.method ?? 'GET',
    url,
    params,
    headers: message.headers,
    stream: message,
    bytes,
    async json() {
      const text = (await bytes()).toString('utf8')
      if (text.trim() === '') return {}
      try {
        const value: unknown = JSON.parse(text)
        if (isRecord(value)) return value
      } catch (error) {
        throw new ApiError(
          'INVALID_ARGUMENT',
          `Invalid JSON payload received. ${error instanceof Error ? error.message : ''}`,
        )
      }
      throw new ApiError('INVALID_ARGUMENT', 'Invalid JSON payload received. Expected an object.')
    },
    call,
  }
}

async function readAll(message: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of message) {
    const part: Buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))
    size += part.length
    if (size > limitBytes)
      throw new ApiError('INVALID_ARGUMENT', `Request payload size exceeds the limit: ${limitBytes} bytes.`)
    chunks.push(part)
  }
  return Buffer.concat(chunks)
}

async function send(message: IncomingMessage, response: ServerResponse, answer: HttpResponse): Promise<void> {
  const body = answer.json === undefined ? answer.body : JSON.stringify(answer.json)
  // A body that nobody read would be taken for the next request on this connection.
  if (!message.complete) response.setHeader('connection', 'close')
  response.writeHead(answer.status ?? 200, {
    ...(answer.json === undefined ? {} : {'content-type': 'application/json; charset=UTF-8'}),
    ...(body === undefined && answer.status !== 204 && answer.status !== 304 ? {'content-length': '0'} : {}),
    ...(typeof body === 'string' || Buffer.isBuffer(body)
      ? {'content-length': String(Buffer.byteLength(body))}
      : {}),
    ...answer.headers,
  })
  if (body instanceof Readable) {
    if (message.method === 'HEAD') {
      body.destroy()
      response.end()
    } else await pipeline(body, response)
    return
  }
  await new Promise<void>((resolve) => {
    response.once('close', resolve)
    response.end(message.method === 'HEAD' ? undefined : body, () => resolve())
  })
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new ApiError('INVALID_ARGUMENT', `The path has a broken escape: ${text}`)
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
