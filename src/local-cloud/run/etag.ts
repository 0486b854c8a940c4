import {randomBytes} from 'node:crypto'
import {ApiError} from '../wire/api-error.ts'
import {shortName} from './resources.ts'

/** What a request to delete or cancel names. */
export interface ChangeRequest {
  name?: string
  validateOnly?: boolean
  etag?: string
}

/** A different one for each state of a resource. */
export function newEtag(): string {
  return `"${randomBytes(9).toString('base64')}"`
}

/**
 * @param given the etag that the caller saw; absent or empty matches any
 * @throws ApiError ABORTED if the resource has changed since
 */
export function requireEtag(name: string, current: string | undefined, given: string | undefined): void {
  if (given !== undefined && given !== '' && given !== current)
    throw new ApiError(
      'ABORTED',
      `Conflict for resource '${shortName(name)}': version '${given}' was specified but current version is '${current}'.`,
    )
}
