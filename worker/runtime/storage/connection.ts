import type {Agent, ClientRequest, IncomingMessage} from 'node:http'
import type {TcpNetConnectOpts} from 'node:net'
import {Agent as HttpAgent, request as requestHttp} from '../node-http.ts'
import type {Environment} from '../settings.ts'
import {type AccessToken, accessTokens} from './access-token.ts'
import {StorageError} from './errors.ts'
import type {Patience} from './retry.ts'

const GOOGLE_ENDPOINT = 'https://storage.googleapis.com'
/** A connection without traffic for this long is closed. */
const SILENCE_MS = 60_000
/** How much longer to wait for an answer that bytes are copied for: a retry would copy them again. */
const SILENCE_OF_COPIES = 15
const LONGEST_ERROR_BYTES = 64 * 1024
/** Read from a connection at a time for a large response; Node reads 64 KiB, each into new memory. */
export const LARGE_READ_BYTES = 256 * 1024

/** A request to Cloud Storage. */
export interface StorageRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Path and query, or a full URL from Cloud Storage. */
  readonly path: string
  readonly headers?: Record<string, string> | undefined
  readonly body?: readonly Uint8Array[]
  /** Instead of a body: its parts, sent as they come. */
  readonly stream?: AsyncIterable<Uint8Array> | undefined
  /** For error messages. */
  readonly what: string
  /** Whether the response is large: then its chunks are, too. */
  readonly isLarge?: boolean
  /** Whether bytes are copied before the answer. */
  readonly copies?: boolean
  /** Aborts the request and its response. */
  readonly signal?: AbortSignal | undefined
}

/** Keep-alive connections to Cloud Storage. */
export interface Connection {
  /**
   * Sends a request once.
   * @returns the response, its body not read yet
   * @throws StorageError for any status except 2xx and those in `expected`; the signal's reason
   */
  send(request: StorageRequest, expected?: readonly number[]): Promise<IncomingMessage>
  /** A connection without traffic for this long is closed. */
  readonly silenceMs: number
  /** Of the worker's service account; undefined for an emulator, which needs none. */
  readonly accessToken: AccessToken | undefined
}

/** @param environment STORAGE_EMULATOR_HOST replaces Google's endpoint, and no token is sent */
export function connect(
  environment: Environment,
  {silenceMs = SILENCE_MS, wait}: Pick<Patience, 'silenceMs' | 'wait'>,
): Connection {
  const emulator = environment['STORAGE_EMULATOR_HOST']
  const endpoint =
    emulator === undefined ? GOOGLE_ENDPOINT : /^https?:\/\//.test(emulator) ? emulator : `http://${emulator}`
  const agents = (open: () => Agent) => ({small: open(), large: readingMore(open())})
  const plain = {request: requestHttp, agents: agents(() => new HttpAgent({keepAlive: true}))}
  let secure: Promise<typeof plain> | undefined
  // Loaded with the first request, since loading TLS takes as long as the rest of the worker's start.
  const openSecure = async (): Promise<typeof plain> => {
    const {Agent, request} = await import('node:https')
    return {request, agents: agents(() => new Agent({keepAlive: true}))}
  }
  const accessToken = emulator === undefined ? accessTokens(environment, wait) : undefined

  const exchange = async (sending: StorageRequest, isRetry: boolean): Promise<IncomingMessage> => {
    const {method, path, headers, body = [], stream, what, isLarge, copies, signal} = sending
    signal?.throwIfAborted()
    const url = new URL(path, endpoint)
    const token = await accessToken?.()
    const length = body.reduce((sum, part) => sum + part.length, 0)
    const {
      request,
      agents: {small, large},
    } = url.protocol === 'https:' ? await (secure ??= openSecure()) : plain
    const {promise, resolve, reject} = Promise.withResolvers<IncomingMessage>()
    const sent = request(url, {
      method,
      agent: isLarge === true ? large : small,
      ...(signal === undefined ? {} : {signal}),
      headers: {
        'user-agent': 'cloud-runner-worker',
        ...(token === undefined ? {} : {authorization: `Bearer ${token}`}),
        ...(method === 'GET' || stream !== undefined ? {} : {'content-length': String(length)}),
        ...headers,
      },
    })
    const longestMs = copies === true ? SILENCE_OF_COPIES * silenceMs : silenceMs
    let response: IncomingMessage | undefined
    sent.on('socket', (socket) => {
      const onSilence = (): void => {
        if (response?.isPaused() !== true) sent.destroy(new Error(`${what}: the connection went silent`))
        // Silence caused by a paused reader does not count, but what follows does; Node reports each only once.
        else response.once('resume', () => socket.setTimeout(longestMs))
      }
      socket.setTimeout(longestMs).on('timeout', onSilence)
      // The socket is kept for other requests.
      sent.on('close', () => socket.off('timeout', onSilence))
    })
    sent.on('error', reject).on('response', resolve)
    if (stream === undefined) {
      // In one go: each separate write is a system call.
      sent.cork()
      for (const part of body) sent.write(part)
      sent.uncork()
      sent.end()
    } else void pour(stream, sent)
    try {
      response = await promise
    } catch (error) {
      // The other end had closed a kept-alive connection (https://nodejs.org/api/http.html#requestreusedsocket).
      if (sent.reusedSocket && !isRetry && stream === undefined && isClosed(error))
        return exchange(sending, true)
      signal?.throwIfAborted()
      throw error
    }
    return response
  }
  const send: Connection['send'] = async (request, expected = []) => {
    const response = await exchange(request, false)
    const status = response.statusCode ?? 0
    if ((status >= 200 && status < 300) || expected.includes(status)) return response
    const body = await bytesOf(response, LONGEST_ERROR_BYTES)
    throw new StorageError(request.what, status, body.toString('utf8'))
  }
  return {send, silenceMs, accessToken}
}

/** Sends a body as it comes, until it is answered. Never rejects: the request gets the error. */
async function pour(body: AsyncIterable<Uint8Array>, sent: ClientRequest): Promise<void> {
  let isAnswered = false
  sent.on('response', (response) => {
    isAnswered = true
    response.on('close', () => {
      // Its connection is of no more use.
      if (!sent.writableEnded) sent.destroy()
    })
  })
  try {
    for await (const part of body) {
      if (isAnswered || sent.destroyed) return
      await new Promise<void>((resolve) => void sent.write(part, () => resolve()))
    }
    sent.end()
  } catch (error) {
    sent.destroy(error instanceof Error ? error : new Error(String(error)))
  }
}

const reused = new WeakSet<ArrayBufferLike>()

/** Whether the next read overwrites these bytes, in case Node's HTTP client ever stops copying what it passes on. */
export function isReused({buffer}: Uint8Array): boolean {
  return reused.has(buffer)
}

/**
 * Has an agent's connections read more at a time, into memory that is used again:
 * https://nodejs.org/api/net.html#socketconnectoptions-connectlistener
 */
function readingMore(agent: Agent): Agent {
  const open = agent.createConnection.bind(agent)
  agent.createConnection = (options, callback) => {
    const buffer = Buffer.allocUnsafeSlow(LARGE_READ_BYTES)
    reused.add(buffer.buffer)
    const onread: TcpNetConnectOpts['onread'] = {
      buffer,
      callback(length) {
        // The HTTP client listens to this, which a socket with `onread` does not emit itself.
        socket?.emit('data', buffer.subarray(0, length))
        return true
      },
    }
    const more: typeof options & Pick<TcpNetConnectOpts, 'onread'> = {...options, onread}
    const socket = open(more, callback)
    return socket
  }
  return agent
}

/** Whether the other end closed the connection before the request arrived. */
function isClosed(error: unknown): boolean {
  const {code}: {code?: unknown} = Object(error)
  return code === 'ECONNRESET' || code === 'EPIPE'
}

/** The whole body of a response. @param most bytes after which the rest is discarded */
export async function bytesOf(response: IncomingMessage, most = Infinity): Promise<Buffer> {
  const {promise: ended, resolve, reject} = Promise.withResolvers<void>()
  const parts: Buffer[] = []
  let length = 0
  // Flowing mode: iterating would pause the response, and its silence would not count.
  response.on('data', (part: Buffer) => {
    parts.push(part)
    length += part.length
    if (length < most) return
    resolve()
    response.destroy()
  })
  response.on('end', resolve).on('error', reject)
  await ended
  return Buffer.concat(parts)
}
