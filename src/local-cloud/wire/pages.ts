import type {IncomingHttpHeaders} from 'node:http'
import {ApiError} from './api-error.ts'
import type {Principal} from './call.ts'
import type {Route} from './routes.ts'

/** Who a page is. */
export interface Page {
  /** Headers of every answer to it; empty if it is not a page of another origin. */
  readonly headers: Readonly<Record<string, string>>
  identify(present: Principal): Principal
}

/** Who sends a request that no page of another origin does. */
const NO_PAGE: Page = {headers: {}, identify: (present) => present}

/**
 * Whether the page that sends a request may have an answer of the route. Nearly every route allows none: a page in the
 * browser of the person at the keyboard, the owner, could do everything. One that a route does allow is nobody, as a
 * page without credentials is at Google, and can do only what a signature or a token of its own lets it. A browser
 * shows itself by `Sec-Fetch-Site`, or by its name if it is old; a program that passes on the `Origin` of a page that is
 * to use an upload later, as Google's clients do, stays who it is.
 * @throws ApiError PERMISSION_DENIED
 */
export function admitPage(
  {allowPage}: Pick<Route, 'allowPage'>,
  params: Readonly<Record<string, string>>,
  {method, headers, foreign}: {method: string; headers: IncomingHttpHeaders; foreign: string | undefined},
): Page {
  const {origin} = headers
  if (origin === undefined && foreign === undefined) return NO_PAGE
  const allowed = origin === undefined ? undefined : allowPage?.(params, {origin, method, headers: []})
  if (foreign !== undefined && allowed === undefined) throw refusedPage(foreign)
  const isBrowser =
    headers['sec-fetch-site'] !== undefined || headers['user-agent']?.startsWith('Mozilla/') === true
  const isNobody = foreign !== undefined && isBrowser
  return {
    headers: allowed ?? {},
    identify: (present) =>
      isNobody && (present === 'owner' || headers.authorization === undefined) ? 'allUsers' : present,
  }
}

/**
 * The answer to a preflight (https://fetch.spec.whatwg.org/#cors-preflight-fetch).
 * @param route that its path and the method it is about to call lead to
 * @throws ApiError PERMISSION_DENIED for a page of another machine that may not ask
 */
export function preflight(
  {allowPage}: Pick<Route, 'allowPage'>,
  params: Readonly<Record<string, string>>,
  {headers, foreign}: {headers: IncomingHttpHeaders; foreign: string | undefined},
): Readonly<Record<string, string>> {
  const {origin = '', 'access-control-request-method': method = ''} = headers
  const asked = (headers['access-control-request-headers'] ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  const allowed = allowPage?.(params, {origin, method, headers: asked})
  if (allowed === undefined) {
    if (foreign !== undefined) throw refusedPage(foreign)
    return {}
  }
  return {
    ...allowed,
    'access-control-allow-methods': method,
    ...(asked.length === 0 ? {} : {'access-control-allow-headers': asked.join(', ')}),
    // https://wicg.github.io/private-network-access/#cors-preflight
    ...(headers['access-control-request-private-network'] === undefined
      ? {}
      : {'access-control-allow-private-network': 'true'}),
  }
}

/** The error for a page that may not ask. */
export function refusedPage(page: string): ApiError {
  return new ApiError('PERMISSION_DENIED', `The local cloud answers no page of another origin (${page}).`)
}
