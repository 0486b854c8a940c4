import {ApiError} from '../../wire/api-error.ts'
import type {HttpRequest} from '../../wire/routes.ts'

/**
 * One page of a list in Knative's form, by the query parameters `limit` and `continue`.
 * @param kind e.g. `ServiceList`
 * @throws ApiError INVALID_ARGUMENT for parameters that are no good
 */
export function paged<T>(
  kind: string,
  apiVersion: string,
  {url: {searchParams}}: HttpRequest,
  all: readonly T[],
  show: (item: T) => object,
): object {
  const limit = number('limit', searchParams.get('limit'))
  const offset = number('continue', searchParams.get('continue'))
  const end = limit === 0 ? all.length : offset + limit
  return {
    apiVersion,
    kind,
    metadata: end < all.length ? {continue: String(end)} : {},
    items: all.slice(offset, end).map(show),
  }
}

/**
 * The query's `labelSelector`: `key=value`, `key!=value` and `key`, joined by commas.
 * @throws ApiError UNIMPLEMENTED for a `fieldSelector` or a selector of sets
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

function number(name: string, text: string | null): number {
  if (text === null || text === '') return 0
  if (!/^\d+$/.test(text))
    throw new ApiError('INVALID_ARGUMENT', `${name}: "${text}" must be a whole number.`)
  return Number(text)
}
