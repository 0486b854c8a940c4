const NOT_FOUND = 404
/** A failed precondition: the object is not at the generation that was expected. */
const PRECONDITION_FAILED = 412
const FORBIDDEN = 403
/** Answers that may be others in a moment (cloud.google.com/storage/docs/retry-strategy#retryable). */
const PASSING: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504])

/** An answer of Cloud Storage that is no success. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  /** Of the HTTP answer. */
  readonly status: number

  constructor(what: string, status: number, body: string) {
    super(`${what}: HTTP ${status}${reasonIn(body)}`)
    this.status = status
  }
}

/** Bytes that are not those which Cloud Storage has, or said it would send. */
export class TransferError extends Error {
  override readonly name = 'TransferError'
}

/** Whether there is no such object. Where its bucket is not there either, nothing is known of it. */
export function isNotFound(error: unknown): boolean {
  return error instanceof StorageError && error.status === NOT_FOUND && !isBucketMissing(error)
}

/** Google answers 404 for both, and tells them apart by its words alone. */
export function isBucketMissing(error: unknown): boolean {
  return (
    error instanceof StorageError &&
    error.status === NOT_FOUND &&
    /specified bucket does not exist/i.test(error.message)
  )
}

export function isForbidden(error: unknown): boolean {
  return error instanceof StorageError && error.status === FORBIDDEN
}

export function isPreconditionFailed(error: unknown): boolean {
  return error instanceof StorageError && error.status === PRECONDITION_FAILED
}

/** Whether the same request may succeed in a moment: broken connections are of that kind, too. */
export function isPassing(error: unknown): boolean {
  return error instanceof StorageError ? PASSING.has(error.status) : !(error instanceof TransferError)
}

/** The `error.message` of an answer in JSON, or the beginning of any other text. */
function reasonIn(body: string): string {
  if (body === '') return ''
  try {
    const {error}: {error?: {message?: unknown}} = Object(JSON.parse(body))
    if (typeof error?.message === 'string') return `, ${error.message}`
  } catch {
    // No JSON: a proxy's page, say.
  }
  return `, ${body.slice(0, 200)}`
}
