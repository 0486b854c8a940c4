export const NOT_FOUND = 404
/** A failed precondition: the object is not at the expected generation. */
const PRECONDITION_FAILED = 412
const FORBIDDEN = 403
/** Transient failures (cloud.google.com/storage/docs/retry-strategy#retryable). */
const TRANSIENT: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504])

/** An error response from Cloud Storage. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  /** The HTTP status. */
  readonly status: number

  constructor(what: string, status: number, body: string) {
    super(`${what}: HTTP ${status}${reasonIn(body)}`)
    this.status = status
  }
}

/** Corrupt or missing bytes in a transfer. */
export class TransferError extends Error {
  override readonly name = 'TransferError'
}

/** Whether the object does not exist. False if its bucket is missing, too: that is a misconfiguration. */
export function isNotFound(error: unknown): boolean {
  return error instanceof StorageError && error.status === NOT_FOUND && !isBucketMissing(error)
}

/** Google answers 404 for both; only the message differs. */
export function isBucketMissing(error: unknown): boolean {
  return error instanceof StorageError && error.status === NOT_FOUND && saysBucketMissing(error.message)
}

/** Whether a 404 says so. */
export function saysBucketMissing(body: string): boolean {
  return /specified bucket does not exist/i.test(body)
}

export function isForbidden(error: unknown): boolean {
  return error instanceof StorageError && error.status === FORBIDDEN
}

export function isPreconditionFailed(error: unknown): boolean {
  return error instanceof StorageError && error.status === PRECONDITION_FAILED
}

/** Whether a retry may succeed; broken connections count, too. */
export function isTransient(error: unknown): boolean {
  return error instanceof StorageError ? TRANSIENT.has(error.status) : !(error instanceof TransferError)
}

/** The `error.message` of a JSON response, or the start of any other text. */
function reasonIn(body: string): string {
  if (body === '') return ''
  try {
    const {error}: {error?: {message?: unknown}} = Object(JSON.parse(body))
    if (typeof error?.message === 'string') return `, ${error.message}`
  } catch {
    // Not JSON: a proxy's page, say.
  }
  return `, ${body.slice(0, 200)}`
}
