import {type Page, pageByKey, type PageRequest} from '../wire/paging.ts'
import {compileFilter} from './filter.ts'

/**
 * A page of secrets or versions, newest first, of those that match the request's filter.
 * @param read those whose key is lower than `before`, by falling key
 * @throws ApiError INVALID_ARGUMENT
 */
export function newestFirst<T extends {resource: object}>(
  {filter = '', ...request}: PageRequest & {filter?: string},
  read: (before: number | undefined) => Iterable<T>,
  keyOf: (item: T) => number,
): Page<T> {
  const matches = compileFilter(filter)
  return pageByKey(
    request,
    {usual: 25_000, largest: 25_000},
    (after, limit) =>
      Iterator.from(read(after === '' ? undefined : Number(after)))
        .filter(({resource}) => matches(resource))
        .take(limit)
        .toArray(),
    (item) => String(keyOf(item)),
  )
}
