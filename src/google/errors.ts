import {AppError, isTransient as isTransientAppError, type ErrorCode} from '../core/errors.ts'
import {fullDisk} from '../core/full-disk.ts'
import {fieldsOf} from '../core/json.ts'
import {retry} from '../core/retry.ts'
import {codeOf} from '../core/system-error.ts'
import {command, suggest, type Suggestion} from '../core/suggestion.ts'

/** What Google's clients throw over HTTP and gRPC, in one form. */
interface Answer {
  /** HTTP status, or what a gRPC code maps to; 0 if there was no answer. */
  readonly status: number
  /** The system's error code: `ECONNREFUSED` … */
  readonly system: string | undefined
  readonly message: string
}

/** HTTP status of each gRPC code (google/rpc/code.proto). */
const HTTP_OF_GRPC = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401]

const SYSTEM_ERRORS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
])

/**
 * Converts errors from Google and the local cloud to errors that a user can act on.
 * @param doing what was being done, shown before a colon: `Reading bucket x`
 */
export function toAppError(error: unknown, doing: string): AppError {
  if (error instanceof AppError) return error
  if (error instanceof Error && error.name === 'AbortError') {
    return new AppError(`${doing}: interrupted.`, {code: 'interrupted', exitCode: 130, cause: error})
  }
  const answer = readAnswer(error)
  const {code, suggestions} = classify(answer)
  const message =
    answer.system === undefined ? answer.message : unreachable(answer.system, addressIn(answer.message))
  return new AppError(`${doing}: ${sentence(message)}`, {code, suggestions, cause: error})
}

const SYSTEM_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing is listening there',
  ECONNRESET: 'the connection was closed',
  EPIPE: 'the connection was closed',
  UND_ERR_SOCKET: 'the connection was closed',
  ENOTFOUND: 'the host name cannot be resolved',
  ETIMEDOUT: 'the request timed out',
  EAI_AGAIN: 'the host name cannot be resolved',
}

/** The libraries wrap the system's message differently; all keep the address, except when a connection is closed. */
function addressIn(message: string): string | undefined {
  const words = /\b(?:connect|getaddrinfo|read) E\w+ (?<address>[\w.:[\]-]+\w)/.exec(message)
  return words?.groups?.['address']
}

function unreachable(system: string, address: string | undefined): string {
  return `${address ?? 'the server'} does not answer: ${SYSTEM_REASONS[system] ?? 'no connection'} (${system})`
}

/** Runs `work`; anything it throws becomes an AppError. */
export async function translated<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw toAppError(error, doing)
  }
}

/** Whether an error says that the resource does not exist. */
export function isNotFound(error: unknown): boolean {
  return error instanceof AppError ? error.code === 'not-found' : readAnswer(error).status === 404
}

/** @returns `undefined` if the resource does not exist */
export async function ifFound<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

/** Number or id of the project in which an error says an API is disabled; `undefined` for any other error. */
export function apiOffIn(error: unknown): string | undefined {
  return error instanceof Error ? OFF_IN_PROJECT.exec(error.message)?.[1] : undefined
}

/** Google's wording on both wires. */
const API_IS_OFF = /has not been used in project|it is disabled|SERVICE_DISABLED/i
const OFF_IN_PROJECT = /has not been used in project ([a-z0-9-]+)/i

/** Whether the same call may succeed in a moment. */
export function isTransient(error: unknown): boolean {
  if (error instanceof AppError) return isTransientAppError(error)
  const {status, system} = readAnswer(error)
  return (
    system !== undefined ||
    status === 429 ||
    status === 500 ||
    status === 502 ||
    status === 503 ||
    status === 504
  )
}

/**
 * Retries `work` on transient errors: four attempts, 0.2 to 2 s apart, the wait doubling with jitter.
 * @throws the last error of `work`
 */
export async function retried<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  return retry(work, {
    attempts: 4,
    pauseMs: (error, attempt) =>
      signal?.aborted || !isTransient(error) ? undefined : 200 * 2 ** (attempt - 1) * (0.5 + Math.random()),
  })
}

function classify({status, system, message}: Answer): {code: ErrorCode; suggestions: Suggestion[]} {
  if (/could not (?:load|be used).*default credentials|invalid_grant|reauth/i.test(message))
    return UNAUTHENTICATED
  const noRoom = fullDisk(message)
  if (noRoom) return noRoom
  if (system !== undefined) {
    return {code: 'unreachable', suggestions: wayBack(addressIn(message))}
  }
  if (/requires a quota project/i.test(message)) {
    return {
      code: 'permission-denied',
      suggestions: ['Name one of your projects: gcloud auth application-default set-quota-project PROJECT'],
    }
  }
  if (API_IS_OFF.test(message)) {
    const api = /([a-z]+\.googleapis\.com)/.exec(message)?.[1]
    const project = OFF_IN_PROJECT.exec(message)?.[1]
    const where = project === undefined ? '' : ` --project ${project}`
    return {code: 'api-disabled', suggestions: [`Enable it: gcloud services enable ${api ?? 'API'}${where}`]}
  }
  if (status === 401) return UNAUTHENTICATED
  if (status === 403) {
    return {
      code: 'permission-denied',
      suggestions: [
        'Ask a project owner for the permission above, or use another account: gcloud auth application-default login',
      ],
    }
  }
  if (status === 404)
    return {
      code: 'not-found',
      suggestions: [
        suggest`See what exists: ${command('status')}`,
        suggest`Create the pipeline: ${command('setup')}`,
      ],
    }
  if (status === 409)
    return {code: 'conflict', suggestions: ['Someone else may be changing it right now; try again.']}
  if (status === 412)
    return {code: 'precondition-failed', suggestions: ['It has changed in the meantime; try again.']}
  if (status === 429) return {code: 'rate-limited', suggestions: ['Wait a minute and try again.']}
  // The local cloud answers over REST with 400, which no client repeats.
  if (status === 501 || /not (?:served|implemented) by the local cloud/.test(message))
    return {code: 'not-implemented', suggestions: []}
  if (status >= 500)
    return {
      code: 'unavailable',
      suggestions: ['Try again.', 'On Google Cloud, check https://status.cloud.google.com'],
    }
  return {code: 'invalid-request', suggestions: []}
}

/** Only the local cloud has an address on this machine. Its files outlive its process. */
function wayBack(address: string | undefined): Suggestion[] {
  if (address === undefined)
    return [
      suggest`On the local target: ${command('local start')}`,
      'On Google Cloud: check the network connection.',
    ]
  return /^(?:127\.|localhost\b|\[?::1)/.test(address)
    ? [suggest`Processing resumes when the local cloud is running again: ${command('local start')}`]
    : ['Check the network connection.']
}

const UNAUTHENTICATED = {
  code: 'unauthenticated',
  suggestions: ['Sign in: gcloud auth application-default login'],
} satisfies {
  code: ErrorCode
  suggestions: string[]
}

function readAnswer(error: unknown): Answer {
  if (!(error instanceof Error)) {
    // The client for storage ends a resumable upload with the error object of the answer's body.
    const {code, message} = fieldsOf(error)
    return {
      status: typeof code === 'number' ? code : 0,
      system: undefined,
      message: typeof message === 'string' ? message : String(error),
    }
  }
  const system = systemCode(error)
  const code = 'code' in error ? error.code : undefined
  const numeric =
    typeof code === 'number'
      ? code
      : typeof code === 'string' && /^\d{3}$/.test(code)
        ? Number(code)
        : undefined
  const status =
    'status' in error && typeof error.status === 'number'
      ? error.status
      : numeric === undefined
        ? 0
        : numeric < HTTP_OF_GRPC.length
          ? (HTTP_OF_GRPC[numeric] ?? 0)
          : numeric
  // grpc-js reports a refused connection as UNAVAILABLE, with the system's code only in the text.
  const inText = /\b(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT)\b/.exec(error.message)?.[1]
  return {status, system: system ?? inText, message: googleMessage(error)}
}

/** A system code such as `ECONNREFUSED`, anywhere in the chain of causes. */
function systemCode(error: Error): string | undefined {
  if (error.name === 'TimeoutError') return 'ETIMEDOUT'
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const code = codeOf(at)
    if (code !== undefined && SYSTEM_ERRORS.has(code)) return code
  }
  return undefined
}

/** Google's own message: gRPC errors have it in `details`, and after `5 NOT_FOUND: ` in `message`. */
function googleMessage(error: Error): string {
  if ('details' in error && typeof error.details === 'string' && error.details !== '') return error.details
  return error.message.replace(/^\d+ [A-Z_]+: /, '')
}

function sentence(text: string): string {
  const trimmed = text.trim()
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`
}
