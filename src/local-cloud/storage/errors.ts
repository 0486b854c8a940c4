import {ApiError, toApiError, type StatusName} from '../wire/api-error.ts'
import type {HttpResponse} from '../wire/routes.ts'

const STATUS_OF_CODE: Readonly<Record<number, StatusName>> = {
  304: 'FAILED_PRECONDITION',
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ALREADY_EXISTS',
  412: 'FAILED_PRECONDITION',
  416: 'OUT_OF_RANGE',
  499: 'CANCELLED',
}

/** Where in the request the faulty parameter is. */
interface ErrorLocation {
  readonly locationType: 'header' | 'parameter'
  readonly location: string
}

/** An error of the Storage JSON API: https://cloud.google.com/storage/docs/json_api/v1/status-codes */
export class StorageError extends ApiError {
  readonly code: number
  readonly reason: string
  readonly location: ErrorLocation | undefined
  readonly headers: Readonly<Record<string, string>>
  /** Its name in the XML API, if the status does not say it. */
  readonly xmlCode: string | undefined
  /** Further elements of the error in the XML API. */
  readonly xmlDetails: Readonly<Record<string, string>>
  /** Whether the JSON API answers with its message alone. */
  readonly isText: boolean

  constructor(
    code: number,
    reason: string,
    message: string,
    extras: {
      location?: ErrorLocation
      headers?: Readonly<Record<string, string>>
      xmlCode?: string
      xmlDetails?: Readonly<Record<string, string>>
      isText?: boolean
    } = {},
  ) {
    super(STATUS_OF_CODE[code] ?? 'INTERNAL', message)
    this.code = code
    this.reason = reason
    this.location = extras.location
    this.headers = extras.headers ?? {}
    this.xmlCode = extras.xmlCode
    this.xmlDetails = extras.xmlDetails ?? {}
    this.isText = extras.isText ?? false
  }

  override get httpStatus(): number {
    return this.code
  }
}

export const bucketNotFound = (): StorageError =>
  new StorageError(404, 'notFound', 'The specified bucket does not exist.', {xmlCode: 'NoSuchBucket'})

export const objectNotFound = (bucket: string, name: string): StorageError =>
  new StorageError(404, 'notFound', `No such object: ${bucket}/${name}`)

export const conditionNotMet = (): StorageError =>
  new StorageError(412, 'conditionNotMet', 'At least one of the pre-conditions you specified did not hold.', {
    location: {locationType: 'header', location: 'If-Match'},
  })

export const notModified = (etag: string): StorageError =>
  new StorageError(304, 'notModified', 'Not Modified', {headers: {etag}})

export const invalid = (message: string): StorageError => new StorageError(400, 'invalid', message)

/** What resumable uploads say of the bytes they get, as plain text. */
export const invalidChunk = (message: string): StorageError =>
  new StorageError(400, 'invalid', message, {isText: true})

export const missingParameter = (name: string): StorageError =>
  new StorageError(400, 'required', `Required parameter: ${name}`, {
    location: {locationType: 'parameter', location: name},
  })

/** @param xmlCode its name in the XML API */
export const conflict = (message: string, xmlCode: string): StorageError =>
  new StorageError(409, 'conflict', message, {xmlCode})

export const notServed = (what: string): ApiError =>
  new ApiError('UNIMPLEMENTED', `${what} is not implemented by the local cloud's Cloud Storage.`)

const REASON_OF_STATUS: Partial<Record<StatusName, string>> = {
  INVALID_ARGUMENT: 'badRequest',
  UNAUTHENTICATED: 'required',
  PERMISSION_DENIED: 'forbidden',
  NOT_FOUND: 'notFound',
  ALREADY_EXISTS: 'conflict',
  UNIMPLEMENTED: 'UNIMPLEMENTED',
  UNAVAILABLE: 'backendError',
}

export function toStorageError(error: unknown): StorageError {
  if (error instanceof StorageError) return error
  const known = toApiError(error)
  const reason = known.httpStatus === 413 ? 'uploadTooLarge' : REASON_OF_STATUS[known.status]
  return new StorageError(known.httpStatus, reason ?? 'backendError', known.message)
}

/** The error body of the Storage JSON API. */
export function renderStorageError(error: unknown): HttpResponse {
  const {code, message, reason, location, headers, isText} = toStorageError(error)
  if (code === 304) return {status: code, headers}
  if (isText) return renderMediaError(error)
  const json = {error: {code, message, errors: [{message, domain: 'global', reason, ...location}]}}
  return {status: code, headers, json}
}

/** The same as text, as downloads answer. */
export function renderMediaError(error: unknown): HttpResponse {
  const {code, message, headers} = toStorageError(error)
  if (code === 304) return {status: code, headers}
  return {status: code, headers: {...headers, 'content-type': 'text/html; charset=UTF-8'}, body: message}
}
