import type {HttpRequest} from '../wire/routes.ts'
import {invalid, StorageError} from './errors.ts'

/** "The maximum is 604,800 seconds (7 days)": https://cloud.google.com/storage/docs/access-control/signed-urls */
const LONGEST_SECONDS = 604_800
const V4_PARAMETERS = [
  'X-Goog-Algorithm',
  'X-Goog-Credential',
  'X-Goog-Date',
  'X-Goog-Expires',
  'X-Goog-SignedHeaders',
]

/**
 * Checks what a signed URL promises, V2 or V4, as far as that needs no key: that it is complete, still valid, and that
 * the headers that were signed are sent. The local cloud has no private keys of accounts, so any signature is taken.
 * @throws StorageError 400
 */
export function checkSignedUrl({url, headers}: HttpRequest, now: number): void {
  const query = url.searchParams
  if (query.has('X-Goog-Signature')) {
    const missing = V4_PARAMETERS.find((name) => !query.has(name))
    if (missing !== undefined) throw invalid(`The signed URL lacks the parameter ${missing}.`)
    const seconds = Number(query.get('X-Goog-Expires'))
    const start = Date.parse(isoTime(query.get('X-Goog-Date') ?? ''))
    if (!(seconds >= 1 && seconds <= LONGEST_SECONDS) || Number.isNaN(start))
      throw invalid(`A signed URL has an X-Goog-Date and lasts 1 to ${LONGEST_SECONDS} seconds.`)
    refuseExpired(start + seconds * 1000, now)
    const unsent = (query.get('X-Goog-SignedHeaders') ?? '')
      .toLowerCase()
      .split(';')
      .find((name) => headers[name] === undefined)
    if (unsent !== undefined) {
      throw new StorageError(
        400,
        'invalid',
        `Header was included in signedheaders, but not in the request: ${unsent}`,
        {xmlCode: 'MalformedSecurityHeader'},
      )
    }
  } else if (query.has('GoogleAccessId') && query.has('Signature')) {
    const expires = Number(query.get('Expires') ?? Number.NaN)
    if (Number.isNaN(expires)) throw invalid('The signed URL lacks the parameter Expires.')
    refuseExpired(expires * 1000, now)
  }
}

/** `20260131T120000Z` → `2026-01-31T12:00:00Z` */
function isoTime(basic: string): string {
  return basic.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')
}

function refuseExpired(end: number, now: number): void {
  if (now <= end) return
  throw new StorageError(
    400,
    'invalid',
    `The provided token has expired. Request signature expired at: ${new Date(end).toISOString()}`,
    {xmlCode: 'ExpiredToken'},
  )
}
