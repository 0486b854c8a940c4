import {Agent as HttpAgent, type IncomingMessage, request as requestHttp} from 'node:http'
import type {Environment} from '../settings.ts'
import {type AccessToken, accessTokens} from './access-token.ts'
import {StorageError} from './errors.ts'
import type {Patience} from './retry.ts'

const GOOGLE_ENDPOINT = 'https://storage.googleapis.com'
/** A connection on which nothing moves for so long is given up. */
const SILENCE_MS = 60_000
const LONGEST_ERROR_BYTES = 64 * 1024

/** A request to Cloud Storage. */
export interface StorageRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Path and query, or a whole URL that Cloud Storage gave. */
  readonly path: string
  readonly headers?: Record<string, string> | undefined
  readonly body?: readonly Uint8Array[]
  /** For the message of an error. */
  readonly what: string
  /** Ends it, and the answer too. */
  readonly signal?: AbortSignal | undefined
}

/** Connections to Cloud Storage that are used again and again. */
export interface Connection {
  /**
   * Sends a request once.
   * @returns the answer, of which the body is not read yet
   * @throws StorageError for any status but 2xx and those of `expected`; the signal's reason
   */
  send(request: StorageRequest, expected?: readonly number[]): Promise<IncomingMessage>
  /** Of the worker's service account; undefined for an emulator, which asks for none. */
  readonly accessToken: AccessToken | undefined
}

/** @param environment STORAGE_EMULATOR_HOST names another endpoint than Google's, which takes no token */
export function connect(
  environment: Environment,
  {silenceMs = SILENCE_MS, wait}: Pick<Patience, 'silenceMs' | 'wait'>,
): Connection {
  const emulator = environment['STORAGE_EMULATOR_HOST']
  const endpoint =
    emulator === undefined ? GOOGLE_ENDPOINT : /^https?:\/\//.test(emulator) ? emulator : `http://${emulator}`
  const plain = {request: requestHttp, agent: new HttpAgent({keepAlive: true})}
  let secure: Promise<typeof plain> | undefined
  // Loaded with the first request, since TLS takes as long to load as all of the worker's own start.
  const openSecure = async (): Promise<typeof plain> => {
    const {Agent, request} = await import('node:https')
    return {request, agent: new Agent({keepAlive: true})}
  }
  const accessToken = emulator === undefined ? accessTokens(environment, wait) : undefined

  const exchange = async (
    {method, path, headers, body = [], what, signal}: StorageRequest,
    isAgain: boolean,
  ): Promise<IncomingMessage> => {
    signal?.throwIfAborted()
    const url = new URL(path, endpoint)
    const token = await accessToken?.()
    const length = body.reduce((sum, part) => sum + part.length, 0)
    const {request, agent} = url.protocol === 'https:' ? await (secure ??= openSecure()) : plain
    const {promise, resolve, reject} = Promise.withResolvers<IncomingMessage>()
    const sent = request(url, {
      method,
      agent,
      ...(signal === undefined ? {} : {signal}),
      headers: {
        'user-agent': 'cloud-runner-worker',
        ...(token === undefined ? {} : {authorization: `Bearer ${token}`}),
        ...(method === 'GET' ? {} : {'content-length': String(length)}),
        ...headers,
      },
    })
    let response: IncomingMessage | undefined
    sent.on('socket', (socket) => {
      const onSilence = (): void => {
        if (response?.isPaused() !== true) sent.destroy(new Error(`${what}: the connection went silent`))
        // Silence that the reader asked for does not count, but what follows does; Node reports each only once.
        else response.once('resume', () => socket.setTimeout(silenceMs))
      }
      socket.setTimeout(silenceMs).on('timeout', onSilence)
      // It is kept for other requests.
      sent.on('close', () => socket.off('timeout', onSilence))
    })
    sent.on('error', reject).on('response', resolve)
    // In one go: each write of its own is a call of the system.
    sent.cork()
    for (const part of body) sent.write(part)
    sent.uncork()
    sent.end()
    try {
      response = await promise
    } catch (error) {
      // The other end had closed a connection that was kept (https://nodejs.org/api/http.html#requestreusedsocket).
      if (sent.reusedSocket && !isAgain && isClosed(error))
        return exchange({method, path, headers, body, what, signal}, true)
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
  return {send, accessToken}
}

/** Whether the other end had closed the connection before the request came. */
function isClosed(error: unknown): boolean {
  const {code}: {code?: unknown} = Object(error)
  return code === 'ECONNRESET' || code === 'EPIPE'
}

/** The whole body of an answer. @param most bytes after which the rest is left */
export async function bytesOf(response: IncomingMessage, most = Infinity): Promise<Buffer> {
  const {promise: ended, resolve, reject} = Promise.withResolvers<void>()
  const parts: Buffer[] = []
  let length = 0
  // Flowing: an iterating reader pauses the answer, and its silence is then the reader's.
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
