import type {HttpRequest} from '../../wire/routes.ts'

/** Google's host of a region, as clients reach it by the forward proxy. */
const REGIONAL_HOST = /^(?<location>[a-z]+-[a-z]+\d+)-run\.googleapis\.com$/

/**
 * The region that a request is about: of its path, of Google's host, or of the label on what it brings; undefined
 * where none says it, or where all are meant (`-`).
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
