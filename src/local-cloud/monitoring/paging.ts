import {ApiError} from '../wire/api-error.ts'
import {type Page, pageByKey, type PageRequest} from '../wire/paging.ts'

/** @throws ApiError UNIMPLEMENTED */
export function checkUnfiltered({filter = '', orderBy = ''}: {filter?: string; orderBy?: string}): void {
  if (filter !== '' || orderBy !== '')
    throw new ApiError('UNIMPLEMENTED', 'Lists with filter or order_by are not served by the local cloud.')
}

/**
 * A page of a project's channels or policies, in order of creation.
 * @param read up to `limit` whose keys are above `after`
 * @throws ApiError INVALID_ARGUMENT
 */
export function pageOf<T>(
  request: PageRequest,
  read: (after: number, limit: number) => {key: number; resource: T}[],
): Page<T> {
  const {items, next} = pageByKey(
    request,
    {usual: 1000, largest: 1000},
    (after, limit) => read(Number(after), limit),
    ({key}) => String(key),
  )
  return {items: items.map(({resource}) => resource), next}
}
