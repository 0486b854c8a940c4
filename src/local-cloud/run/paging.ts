import {pageByOffset, type PageRequest} from '../wire/paging.ts'

const SIZES = {usual: 100, largest: 100}

/**
 * One page of a list as Cloud Run returns it: an empty list omits the field.
 * @param read up to `limit` items, starting at `offset`
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
