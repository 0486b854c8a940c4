import {type Page, pageByKey, type PageRequest} from '../wire/paging.ts'

/** A page of topics or subscriptions, by name. @throws ApiError INVALID_ARGUMENT */
export function pageByName<T extends {resource: {name: string}}>(
  request: PageRequest,
  read: (after: string, limit: number) => readonly T[],
): Page<T> {
  return pageByKey(request, {usual: 100, largest: 1000}, read, ({resource}) => resource.name)
}
