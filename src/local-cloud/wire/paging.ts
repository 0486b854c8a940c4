import {ApiError} from './api-error.ts'

/** What every list of Google's takes: https://google.aip.dev/158 */
export interface PageRequest {
  /** Absent or 0: the list's usual size. */
  readonly pageSize?: number
  /** Absent or empty: the first page. */
  readonly pageToken?: string
}

export interface PageSizes {
  readonly usual: number
  readonly largest: number
}

export interface Page<T> {
  readonly items: readonly T[]
  /** Empty on the last page. */
  readonly next: {nextPageToken?: string}
}

/** The page that a query requests by `pageSize` and `pageToken`. @throws ApiError INVALID_ARGUMENT for a size that is not a number */
export function pageRequestOf(query: URLSearchParams): PageRequest {
  const pageSize = Number(query.get('pageSize') ?? 0)
  if (Number.isNaN(pageSize))
    throw new ApiError('INVALID_ARGUMENT', `The page size '${query.get('pageSize')}' is not a whole number.`)
  return {pageSize, pageToken: query.get('pageToken') ?? ''}
}

/**
 * A page of a list in the order of a key, such as a name: items that come and go meanwhile shift nothing.
 * @param read up to `limit` items whose keys come after `after`, which is empty on the first page
 * @throws ApiError INVALID_ARGUMENT for a bad size or token
 */
export function pageByKey<T>(
  request: PageRequest,
  sizes: PageSizes,
  read: (after: string, limit: number) => readonly T[],
  keyOf: (item: T) => string,
): Page<T> {
  const after = positionIn(request, '', (position) => typeof position === 'string')
  const size = sizeOf(request, sizes)
  return cut(read(after, size + 1), size, (last) => keyOf(last))
}

/**
 * A page of a list in any order.
 * @param read up to `limit` items from `offset` on
 * @throws ApiError INVALID_ARGUMENT for a bad size or token
 */
export function pageByOffset<T>(
  request: PageRequest,
  sizes: PageSizes,
  read: (limit: number, offset: number) => readonly T[],
): Page<T> {
  const offset = positionIn(request, 0, isOffset)
  const size = sizeOf(request, sizes)
  return cut(read(size + 1, offset), size, () => offset + size)
}

/** Clients pass a token on without looking into it, so its form is the list's own. */
export function pageTokenOf(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

/** What a token of {@link pageTokenOf} was made of; `undefined` for any other text. */
export function readPageToken(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString())
  } catch {
    return undefined
  }
}

function positionIn<T>(
  {pageToken = ''}: PageRequest,
  first: T,
  isPosition: (position: unknown) => position is T,
): T {
  if (pageToken === '') return first
  const position = readPageToken(pageToken)
  if (isPosition(position)) return position
  throw new ApiError('INVALID_ARGUMENT', `The page token "${pageToken}" does not come from this list.`)
}

function sizeOf({pageSize = 0}: PageRequest, {usual, largest}: PageSizes): number {
  if (!Number.isSafeInteger(pageSize) || pageSize < 0)
    throw new ApiError('INVALID_ARGUMENT', `The page size ${pageSize} is not a whole number from 0.`)
  return pageSize === 0 ? usual : Math.min(pageSize, largest)
}

function isOffset(position: unknown): position is number {
  return Number.isSafeInteger(position)
}

/** @param items one more than fits if there is another page */
function cut<T>(items: readonly T[], size: number, positionAfter: (last: T) => unknown): Page<T> {
  const page = items.slice(0, size)
  const last = page.at(-1)
  return {
    items: page,
    next: items.length > size && last !== undefined ? {nextPageToken: pageTokenOf(positionAfter(last))} : {},
  }
}
