import {ApiError} from '../wire/api-error.ts'
import type {Page} from './store.ts'

const LARGEST_PAGE = 100

/**
 * One page of a list.
 * @param read up to `limit` items from `offset` on
 * @throws ApiError INVALID_ARGUMENT for a page size or token that is no good
 */
export function page<T>(
  field: string,
  {pageSize = 0, pageToken = ''}: Page,
  read: (limit: number, offset: number) => T[],
): object {
  const offset = pageToken === '' ? 0 : Number(pageToken)
  if (!Number.isSafeInteger(offset) || offset < 0)
    throw new ApiError('INVALID_ARGUMENT', `The page token "${pageToken}" is not one of this list's.`)
  if (pageSize < 0) throw new ApiError('INVALID_ARGUMENT', `The page size ${pageSize} must not be negative.`)
  const limit = pageSize === 0 ? LARGEST_PAGE : Math.min(pageSize, LARGEST_PAGE)
  const items = read(limit + 1, offset)
  return {
    ...(items.length > 0 ? {[field]: items.slice(0, limit)} : {}),
    ...(items.length > limit ? {nextPageToken: String(offset + limit)} : {}),
  }
}
