import {ApiError} from '../../wire/api-error.ts'
import {pageByOffset} from '../../wire/paging.ts'
import type {HttpRequest} from '../../wire/routes.ts'

/**
 * One page of a list in Knative's form, from the query parameters `limit` and `continue`.
 * @param kind e.g. `ServiceList`
 * @throws ApiError INVALID_ARGUMENT for invalid parameters
 */
export function paged<T>(
  kind: string,
  apiVersion: string,
  {url: {searchParams}}: HttpRequest,
  all: readonly T[],
  show: (item: T) => object,
): object {
  const {items, next} = pageByOffset(
    {pageSize: Number(searchParams.get('limit') ?? 0), pageToken: searchParams.get('continue') ?? ''},
    {usual: Infinity, largest: Infinity},
    (limit, offset) => all.slice(offset, offset + limit),
  )
  return {
    apiVersion,
    kind,
    metadata: next.nextPageToken === undefined ? {} : {continue: next.nextPageToken},
    items: items.map(show),
  }
}

/**
 * The query's `labelSelector`: `key=value`, `key!=value` and `key`, joined by commas.
 * @throws ApiError UNIMPLEMENTED for a `fieldSelector` or a set-based selector
 */
export function selector({
  url: {searchParams},
}: HttpRequest): (labels: Readonly<Record<string, string>>) => boolean {
  if ((searchParams.get('fieldSelector') ?? '') !== '')
    throw new ApiError('UNIMPLEMENTED', 'fieldSelector is not served by the local cloud.')
  const terms = (searchParams.get('labelSelector') ?? '')
    .split(',')
    .map((term) => term.trim())
    .filter((term) => term !== '')
    .map((term) => {
      const match = /^(?<key>[\w./-]+)\s*(?:(?<operator>==?|!=)\s*(?<value>[\w.-]*))?$/.exec(term)
      const {key, operator, value = ''} = match?.groups ?? {}
      if (key === undefined)
        throw new ApiError('UNIMPLEMENTED', `The label selector "${term}" is not served by the local cloud.`)
      return {key, operator, value}
    })
  return (labels) =>
    terms.every(({key, operator, value}) => {
      if (operator === undefined) return key in labels
      return (labels[key] === value) === (operator !== '!=')
    })
}
