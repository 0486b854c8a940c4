import {randomBytes} from 'node:crypto'
import {ApiError} from '../wire/api-error.ts'

/** A different one after each change, in quotes. */
export function newEtag(): string {
  return `"${randomBytes(7).toString('hex')}"`
}

/**
 * https://cloud.google.com/secret-manager/docs/etags
 * @param given absent or empty matches any
 * @throws ApiError FAILED_PRECONDITION if the resource has changed since the caller read it
 */
export function requireEtag({name, etag}: {name: string; etag: string}, given: string | undefined): void {
  if (given !== undefined && given !== '' && given !== etag)
    throw new ApiError(
      'FAILED_PRECONDITION',
      `The etag ${given} of the request does not match the etag ${etag} of [${name}].`,
    )
}
