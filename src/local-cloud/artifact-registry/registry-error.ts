import {ApiError, toApiError} from '../wire/api-error.ts'
import type {HttpResponse} from '../wire/routes.ts'

/** Codes of the OCI distribution specification with the status that registries answer them with. */
const HTTP_STATUS = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DENIED: 403,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_UNKNOWN: 404,
  RANGE_INVALID: 416,
  UNAUTHORIZED: 401,
  UNSUPPORTED: 405,
} as const

export type RegistryErrorCode = keyof typeof HTTP_STATUS

/** An error as the distribution API puts it: `{"errors": [{code, message, detail}]}`. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError'
  readonly code: RegistryErrorCode
  readonly detail: object

  constructor(code: RegistryErrorCode, message: string, detail: object = {}) {
    super(message)
    this.code = code
    this.detail = detail
  }
}

/** Any error of a `/v2/` route as the distribution API's body. */
export function renderRegistryError(error: unknown): HttpResponse {
  if (error instanceof RegistryError) {
    const {code, message, detail} = error
    return {status: HTTP_STATUS[code], json: {errors: [{code, message, detail}]}}
  }
  const apiError = toApiError(error)
  return {
    status: apiError.httpStatus,
    json: {errors: [{code: registryCode(apiError), message: apiError.message, detail: {}}]},
  }
}

function registryCode({status, httpStatus}: ApiError): string {
  // A full disk as well: docker repeats an upload after every other code.
  if (status === 'PERMISSION_DENIED' || httpStatus === 413) return 'DENIED'
  if (status === 'UNAUTHENTICATED') return 'UNAUTHORIZED'
  return status === 'INTERNAL' ? 'UNKNOWN' : status
}
