import {setTimeout as delay} from 'node:timers/promises'
import {AppError, type ErrorCode} from '../core/errors.ts'
import {fullDisk} from '../core/full-disk.ts'
import {isJsonObject} from '../core/json.ts'
import type {Registry} from '../core/ports/images.ts'
import {retry} from '../core/retry.ts'
import {fetchToken, readChallenge} from './bearer-token.ts'
import {command, suggest, type Suggestion} from '../core/suggestion.ts'

const ATTEMPTS = 4
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 10_000

/** A client of one registry. */
export interface RegistryClient {
  /**
   * Sends a request to a path below the registry's origin, or to a full URL that it returned.
   * @throws AppError if the registry cannot be reached or answers with a status not in `expected`
   */
  request(url: string, options: RequestOptions): Promise<Answer>
  /** Retries an action on transient failures, a few times with growing waits. */
  persist<T>(action: () => Promise<T>): Promise<T>
}

/** A response with its complete body. */
interface Answer {
  readonly status: number
  /** After redirects. */
  readonly url: string
  readonly headers: Headers
  readonly body: Uint8Array
}

interface RequestOptions {
  readonly method: 'HEAD' | 'GET' | 'POST' | 'PUT'
  readonly expected: readonly number[]
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

/** Creates a client for the OCI distribution protocol. */
export function createRegistryClient({
  registry,
  signal,
  pause = (milliseconds) => delay(milliseconds, undefined, {signal}),
}: {
  registry: Registry
  signal: AbortSignal
  pause?: ((milliseconds: number) => Promise<unknown>) | undefined
}): RegistryClient {
  const origin = new URL(registry.origin).origin
  let publicToken: string | undefined
  const send = async (target: URL, {method, headers, body}: RequestOptions): Promise<Answer> => {
    // A registry may send uploads to another address, which needs no token and must not get ours.
    const authorization =
      target.origin === origin ? ((await registry.authorization()) ?? publicToken) : undefined
    const response = await fetch(target, {
      method,
      signal,
      headers: {...headers, ...(authorization === undefined ? {} : {authorization})},
      ...(body === undefined ? {} : {body: Buffer.from(body)}),
    })
    const {status, url} = response
    return {status, url, headers: response.headers, body: new Uint8Array(await response.arrayBuffer())}
  }
  /** Without credentials, a registry may require an anonymous token. */
  const sendAuthorized = async (target: URL, options: RequestOptions): Promise<Answer> => {
    const response = await send(target, options)
    if (response.status !== 401 || (await registry.authorization()) !== undefined) return response
    const challenge = readChallenge(response.headers.get('www-authenticate'))
    const token = challenge && (await fetchToken(challenge, signal))
    if (token === undefined) return response
    publicToken = token
    return send(target, options)
  }

  return {
    async request(url, options) {
      const {method, expected} = options
      const target = new URL(url, registry.origin)
      const response = await sendAuthorized(target, options).catch((cause: unknown) => {
        signal.throwIfAborted()
        throw new TransientError(
          new AppError(`The registry ${registry.origin} cannot be reached: ${reasonOf(cause)}.`, {
            code: 'unreachable',
            cause,
          }),
        )
      })
      if (expected.includes(response.status)) return response
      const refusal = refusalOf(response, `${method} ${target.pathname}`)
      throw isTransient(response.status) ? new TransientError(refusal, retryAfterMs(response)) : refusal
    },
    async persist(action) {
      try {
        return await retry(action, {
          attempts: ATTEMPTS,
          pauseMs: (error, attempt) =>
            error instanceof TransientError
              ? Math.min(error.afterMs ?? FIRST_PAUSE_MS * 4 ** (attempt - 1), LONGEST_PAUSE_MS)
              : undefined,
          async pause(milliseconds) {
            await pause(milliseconds)
            signal.throwIfAborted()
          },
        })
      } catch (error) {
        throw error instanceof TransientError ? error.refusal : error
      }
    },
  }
}

/** A failure worth retrying; `refusal` is thrown in the end. */
class TransientError extends Error {
  override readonly name = 'TransientError'
  readonly refusal: AppError
  readonly afterMs: number | undefined

  constructor(refusal: AppError, afterMs?: number) {
    super(refusal.message)
    this.refusal = refusal
    this.afterMs = afterMs
  }
}

function isTransient(status: number): boolean {
  return status === 408 || status === 429 || status >= 500
}

function retryAfterMs(response: Answer): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  return Number.isNaN(seconds) ? undefined : seconds * 1000
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  401: 'unauthenticated',
  403: 'permission-denied',
  404: 'not-found',
  429: 'rate-limited',
}

function refusalOf(response: Answer, what: string): AppError {
  const detail = detailOf(new TextDecoder().decode(response.body))
  const {code, suggestions} = fullDisk(detail) ?? adviceFor(response.status)
  const message = `The registry ${new URL(response.url).origin} answered ${response.status} to ${what}`
  return new AppError(`${message}${detail === '' ? '' : `: ${detail}`}`, {
    code,
    suggestions,
  })
}

function adviceFor(status: number): {code: ErrorCode; suggestions: Suggestion[]} {
  const code = CODES[status] ?? (status >= 500 ? 'unavailable' : 'invalid-request')
  return {
    code,
    suggestions: code === 'not-found' ? [suggest`Create the repository: ${command('setup')}`] : [],
  }
}

/** The messages of an error body of the protocol, `{errors: [{code, message}]}`, or its beginning. */
function detailOf(body: string): string {
  try {
    const value: unknown = JSON.parse(body)
    const errors: unknown = isJsonObject(value) ? value['errors'] : undefined
    if (Array.isArray(errors)) {
      return errors
        .map((error: unknown) =>
          isJsonObject(error) ? `${String(error['code'])} ${String(error['message'])}` : '',
        )
        .join('; ')
    }
  } catch {
    // Not the protocol's: a proxy's page, for example.
  }
  return body.slice(0, 200).trim()
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}
