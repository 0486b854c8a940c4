import type {HttpRequest} from '../../wire/routes.ts'

/** Google's host for a region, as clients reach it through the forward proxy. */
const REGIONAL_HOST = /^(?<location>[a-z]+-[a-z]+\d+)-run\.googleapis\.com$/

/**
 * The region of a request: from its path, Google's host, or the label of the resource it sends; undefined if none
 * names one, or for all regions (`-`).
 */
export function resolveLocation(
  {params, url}: Pick<HttpRequest, 'params' | 'url'>,
  label = '',
): string | undefined {
  const location =
    params['location'] ??
    REGIONAL_HOST.exec(url.hostname)?.groups?.['location'] ??
    (label === '' ? '-' : label)
  return location === '-' ? undefined : location
}
