import {HEADER_NAME} from '../wire/header-name.ts'
import {isJsonObject} from '../wire/json.ts'
import type {AllowPage} from '../wire/routes.ts'
import type {Buckets} from './buckets.ts'

/**
 * Pages of other origins that a bucket's `cors` rules name: https://cloud.google.com/storage/docs/cross-origin
 * Unlike Google, the JSON API follows them, too: there, every page may ask and none has a right by itself; here, the
 * person at the keyboard has every right.
 */
export function allowedPages(buckets: Buckets): AllowPage {
  return ({bucket = ''}, {origin, method, headers}) => {
    const rules = buckets.find(bucket)?.fields['cors']
    for (const rule of Array.isArray(rules) ? rules.filter(isJsonObject) : []) {
      const [origins, methods, names] = ['origin', 'method', 'responseHeader'].map((key) => listOf(rule[key]))
      const matches = (list: readonly string[] | undefined, text: string): boolean =>
        list?.some((each) => each === '*' || each.toLowerCase() === text.toLowerCase()) ?? false
      if (!matches(origins, origin) || !matches(methods, method)) continue
      if (!headers.every((name) => matches(names, name))) continue
      const exposed = (names ?? []).filter((name) => HEADER_NAME.test(name))
      return {
        'access-control-allow-origin': origins?.includes('*') === true ? '*' : origin,
        vary: 'Origin',
        ...(exposed.length === 0 ? {} : {'access-control-expose-headers': exposed.join(', ')}),
        ...(typeof rule['maxAgeSeconds'] === 'number'
          ? {'access-control-max-age': String(rule['maxAgeSeconds'])}
          : {}),
      }
    }
    return undefined
  }
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}
