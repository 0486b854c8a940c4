import {ApiError} from '../wire/api-error.ts'

const DEFAULT_PAGE = 100
const LARGEST_PAGE = 1000

/** Where a page of a list by name begins and how long it is. */
export interface Page {
  /** Name of the last item of the page before; empty at the beginning. */
  readonly after: string
  readonly size: number
}

/** @throws ApiError INVALID_ARGUMENT */
export function parsePage({pageSize = 0, pageToken = ''}: {pageSize?: number; pageToken?: string}): Page {
  if (pageSize < 0) throw new ApiError('INVALID_ARGUMENT', `Invalid page_size: ${pageSize} is negative.`)
  return {
    after: Buffer.from(pageToken, 'base64url').toString(),
    size: Math.min(pageSize === 0 ? DEFAULT_PAGE : pageSize, LARGEST_PAGE),
  }
}

/** A page out of one item more than it holds, with the token of the next where there is one. */
export function cutPage<T>(
  items: readonly T[],
  size: number,
  nameOf: (item: T) => string,
): {items: T[]; next: {nextPageToken?: string}} {
  const page = items.slice(0, size)
  const last = page.at(-1)
  return {
    items: page,
    next:
      items.length > size && last !== undefined
        ? {nextPageToken: Buffer.from(nameOf(last)).toString('base64url')}
        : {},
  }
}
