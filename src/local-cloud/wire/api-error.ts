import {describeDiskFull, DiskFullError} from '../disk-full.ts'

/**
 * Google's canonical error codes with the HTTP status that each is mapped to (google/rpc/code.proto), but for one:
 * gcloud, gsutil, gcsfs and other clients repeat a 501 for 30 seconds to 15 minutes, as they do every status from 500
 * on, and none of them repeats a 400. So what the local cloud does not serve is a 400 with the status UNIMPLEMENTED.
 */
const HTTP_STATUS = {
  // In the order of their codes, from 1.
  CANCELLED: 499,
  UNKNOWN: 500,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 400,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  UNAUTHENTICATED: 401,
} as const

export type StatusName = keyof typeof HTTP_STATUS

const NAMES = Object.keys(HTTP_STATUS)

export function isStatusName(value: unknown): value is StatusName {
  return typeof value === 'string' && Object.hasOwn(HTTP_STATUS, value)
}

/** An error that a caller of an API sees, in Google's error model, the same on both wires. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: StatusName
  readonly details: readonly object[]

  constructor(status: StatusName, message: string, details: readonly object[] = []) {
    super(message)
    this.status = status
    this.details = details
  }

  get httpStatus(): number {
    return HTTP_STATUS[this.status]
  }

  get grpcCode(): number {
    return NAMES.indexOf(this.status) + 1
  }

  /** The JSON body that Google's REST APIs answer. */
  toJSON(): {error: {code: number; message: string; status: StatusName; details?: readonly object[]}} {
    return {
      error: {
        code: this.httpStatus,
        message: this.message,
        status: this.status,
        ...(this.details.length > 0 ? {details: this.details} : {}),
      },
    }
  }
}

/**
 * The disk is full. Google's clients must not repeat such a call by themselves: none of them repeats 413 or
 * FAILED_PRECONDITION, while gsutil and gcloud repeat every status from 500 on, 507 included, and all of them repeat
 * 429 and RESOURCE_EXHAUSTED.
 */
class NoRoomError extends ApiError {
  constructor(folder: string) {
    super('FAILED_PRECONDITION', describeDiskFull(folder))
  }

  override get httpStatus(): number {
    return 413
  }
}

/** Any error as one that a caller may see; what is not an `ApiError` is a fault of the local cloud itself. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof DiskFullError) return new NoRoomError(error.folder)
  if (isDamage(error)) {
    return new ApiError(
      'DATA_LOSS',
      `The state of the local cloud is damaged: ${error.message}. Save what can still be read, then start again with another state folder.`,
    )
  }
  return new ApiError(
    'INTERNAL',
    `Internal error of the local cloud: ${error instanceof Error ? error.message : String(error)}`,
  )
}

/** SQLITE_CORRUPT, SQLITE_NOTADB (sqlite.org/rescode.html). */
export function isDamage(error: unknown): error is Error {
  // The low byte is the primary code.
  return error instanceof Error && 'errcode' in error && [11, 26].includes(Number(error.errcode) & 0xff)
}
