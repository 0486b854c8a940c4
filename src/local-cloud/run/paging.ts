import {pageByOffset, type PageRequest} from '../wire/paging.ts'

const SIZES = {usual: 100, largest: 100}

/**
 * One page of a list as Cloud Run answers it: without the field where there is nothing.
 * @param read up to `limit` items from `offset` on
 * @throws ApiError INVALID_ARGUMENT for a bad page size or token
 */
export function page<T>(
  field: string,
  request: PageRequest,
  read: (limit: number, offset: number) => T[],
): object {
  const {items, next} = pageByOffset(request, SIZES, read)
  return {...(items.length > 0 ? {[field]: items} : {}), ...next}
}
