import {createHash} from 'node:crypto'
import {pipeline, type Readable, Transform} from 'node:stream'
import type {Clock} from '../wire/clock.ts'
import {bucketOfHost} from '../wire/admission.ts'
import type {HttpRequest} from '../wire/routes.ts'
import {invalid, notServed, StorageError} from './errors.ts'
import {sha256, type Signatures, signingTime} from './signatures.ts'

/** "The maximum is 604,800 seconds (7 days)": https://cloud.google.com/storage/docs/access-control/signed-urls */
const LONGEST_SECONDS = 604_800
/** How far the date of a signed header may be from now: https://cloud.google.com/storage/docs/xml-api/reference-status */
const MOST_SKEW_MS = 15 * 60_000
const UNSIGNED = 'UNSIGNED-PAYLOAD'
const GOOGLE_HOST = 'storage.googleapis.com'
/** Parameters that a V2 header signs, since they say what is asked for. */
const SIGNED_V2 =
  /^(?:acl|compose|cors|defaultObjectAcl|delete|encryption|lifecycle|location|logging|notification|partNumber|policy|requestPayment|response-.+|storageClass|tagging|uploadId|uploads|versionId|versioning|versions|website|websiteConfig)$/
const NOT_SIGNED_V2 = new Set(['x-goog-encryption-key', 'x-goog-encryption-key-sha256'])

/**
 * Who sent a request, by its signature: a signed URL, V4 or V2, or an `Authorization` header with an HMAC key.
 * https://cloud.google.com/storage/docs/authentication/signatures
 * @returns the request as its signer's; one without a signature as it is
 * @throws StorageError 400 if it is incomplete or expired, 403 if the signature does not match
 */
export function asSigner(
  request: HttpRequest,
  {signatures, clock}: {signatures: Signatures; clock: Clock},
): HttpRequest {
  const email = signerOf(request, signatures, clock.now())
  if (email === undefined) return request
  const {call} = request
  const stream = checkedBody(request)
  return {
    ...request,
    url: request.url,
    stream,
    call: {
      principal: `serviceAccount:${email}`,
      origin: call.origin,
      get signal() {
        return call.signal
      },
    },
  }
}

/** The body, which must have the hash that was signed. @throws ApiError UNIMPLEMENTED if it is signed in chunks */
function checkedBody(request: HttpRequest): Readable {
  const declared = payloadHash(request)
  if (declared.startsWith('STREAMING-')) throw notServed('A body that is signed in chunks')
  if (declared === UNSIGNED) return request.stream
  const hash = createHash('sha256')
  const checked = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
    flush(done) {
      if (hash.digest('hex') === declared.toLowerCase()) return done()
      return done(
        new StorageError(400, 'invalid', 'The provided content hash does not match the body.', {
          xmlCode: 'XAmzContentSHA256Mismatch',
        }),
      )
    },
  })
  // The caller learns of a broken connection from what it reads.
  pipeline(request.stream, checked, () => {})
  return checked
}

function payloadHash(request: HttpRequest): string {
  return headerOf(request, 'x-goog-content-sha256') ?? headerOf(request, 'x-amz-content-sha256') ?? UNSIGNED
}

function signerOf(request: HttpRequest, signatures: Signatures, now: number): string | undefined {
  const query = request.url.searchParams
  for (const prefix of ['X-Goog-', 'X-Amz-'])
    if (query.has(`${prefix}Signature`)) return signerOfUrl(request, prefix, signatures)
  const v2 = ['GoogleAccessId', 'AWSAccessKeyId'].find((name) => query.has(name) && query.has('Signature'))
  if (v2 !== undefined) return signerOfV2(request, query.get(v2) ?? '', signatures)
  return signerOfHeader(request, signatures, now) ?? signerOfV2Header(request, signatures, now)
}

/** A V4 signed URL. */
function signerOfUrl(request: HttpRequest, prefix: string, signatures: Signatures): string {
  const query = request.url.searchParams
  const need = (name: string): string => {
    const value = query.get(`${prefix}${name}`)
    if (value === null) throw invalid(`The signed URL lacks the parameter ${prefix}${name}.`)
    return value
  }
  const [algorithm, credential, date] = [need('Algorithm'), need('Credential'), need('Date')]
  const [expires, names] = [need('Expires'), need('SignedHeaders')]
  const seconds = Number(expires)
  if (!(seconds >= 1 && seconds <= LONGEST_SECONDS))
    throw invalid(`A signed URL lasts 1 to ${LONGEST_SECONDS} seconds, not '${expires}'.`)
  const signed = signingTime(date)
  signatures.refuseUnlessValid(signed + seconds * 1000, signed - MOST_SKEW_MS)
  const parts = {algorithm, credential, date, signature: need('Signature')}
  return checkCanonical(request, parts, names, `${prefix}Signature`, signatures)
}

/** `Authorization: GOOG4-HMAC-SHA256 Credential=…,SignedHeaders=…,Signature=…` */
function signerOfHeader(request: HttpRequest, signatures: Signatures, now: number): string | undefined {
  const {headers} = request
  const {algorithm, rest = ''} =
    /^(?<algorithm>(?:AWS4|GOOG4)-\S+)\s+(?<rest>.+)$/.exec(headers.authorization ?? '')?.groups ?? {}
  if (algorithm === undefined) return undefined
  const fields = new Map(
    rest.split(',').map((field): [string, string] => {
      const [name = '', ...value] = field.trim().split('=')
      return [name.toLowerCase(), value.join('=')]
    }),
  )
  const date = dateOf(request) ?? ''
  refuseUnlessNow(signingTime(date), now)
  const [credential = '', names = '', signature = ''] = ['credential', 'signedheaders', 'signature'].map(
    (name) => fields.get(name),
  )
  return checkCanonical(request, {algorithm, credential, date, signature}, names, undefined, signatures)
}

const dateOf = (request: HttpRequest): string | undefined =>
  headerOf(request, 'x-goog-date') ?? headerOf(request, 'x-amz-date')

/** @param signed milliseconds since 1970. @throws StorageError 403 */
function refuseUnlessNow(signed: number, now: number): void {
  if (Math.abs(signed - now) <= MOST_SKEW_MS) return
  throw new StorageError(
    403,
    'forbidden',
    'The difference between the request time and the current time is too large.',
    {xmlCode: 'RequestTimeTooSkewed'},
  )
}

function checkCanonical(
  request: HttpRequest,
  parts: Parameters<Signatures['checkV4']>[0],
  signedHeaders: string,
  notSigned: string | undefined,
  signatures: Signatures,
): string {
  const names = signedHeaders.toLowerCase().split(';')
  const unsent = names.find((name) => headerOf(request, name) === undefined)
  if (unsent !== undefined) {
    throw new StorageError(
      400,
      'invalid',
      `Header was included in signedheaders, but not in the request: ${unsent}`,
      {xmlCode: 'MalformedSecurityHeader'},
    )
  }
  const own = bucketOfHost(request.headers.host)
  const bucket = own !== undefined && request.url.pathname.startsWith(`/${own}/`) ? own : undefined
  const canonical = (host: string): string =>
    [
      request.method,
      canonicalPath(request.url, bucket),
      canonicalQuery(request.url, notSigned),
      ...names.map((name) => {
        const value = name === 'host' ? host : (headerOf(request, name) ?? '')
        return `${name}:${value.trim().replaceAll(/\s+/g, ' ')}`
      }),
      '',
      signedHeaders,
      payloadHash(request),
    ].join('\n')
  const {algorithm, date, credential} = parts
  const scope = credential.slice(credential.indexOf('/') + 1)
  const toSign = (text: string): string => [algorithm, date, scope, sha256(text)].join('\n')
  // Google's Node client signs the host without its port, and a program may put the local cloud's host into a URL
  // that was signed for Google's; a host that names a bucket is another place.
  const {host = ''} = request.headers
  const hosts = [host, host.replace(/:\d+$/, ''), ...(own === undefined ? [GOOGLE_HOST] : [])]
  const [sent = '', ...others] = hosts.map(canonical)
  return signatures.checkV4(parts, [sent, ...others].map(toSign), {
    StringToSign: toSign(sent),
    CanonicalRequest: sent,
  })
}

/** https://cloud.google.com/storage/docs/access-control/signed-urls-v2 */
function signerOfV2(request: HttpRequest, accessId: string, signatures: Signatures): string {
  const {url} = request
  const expires = url.searchParams.get('Expires') ?? ''
  if (!/^\d+$/.test(expires)) throw invalid('The signed URL lacks the parameter Expires.')
  signatures.refuseUnlessValid(Number(expires) * 1000)
  return signatures.checkV2(
    accessId,
    url.searchParams.get('Signature') ?? '',
    textsOfV2(request, expires, ''),
  )
}

/**
 * `Authorization: GOOG1 ID:SIGNATURE`, or `AWS`, which older programs send.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html
 */
function signerOfV2Header(request: HttpRequest, signatures: Signatures, now: number): string | undefined {
  const {accessId = '', signature = ''} =
    /^(?:AWS|GOOG1)\s+(?<accessId>[^\s:]+):(?<signature>\S+)$/.exec(request.headers.authorization ?? '')
      ?.groups ?? {}
  if (accessId === '') return undefined
  const {date = ''} = request.headers
  const own = dateOf(request)
  const signed = Date.parse(own ?? date)
  if (Number.isNaN(signed)) throw invalid(`Invalid date of a signature: '${own ?? date}'.`)
  refuseUnlessNow(signed, now)
  const named = [...request.url.searchParams]
    .filter(([name]) => SIGNED_V2.test(name))
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
    .toSorted()
  const query = named.length === 0 ? '' : `?${named.join('&')}`
  return signatures.checkV2(accessId, signature, textsOfV2(request, own === undefined ? date : '', query))
}

/** What may have been signed. @param time of the end, or of the request */
function textsOfV2(request: HttpRequest, time: string, query: string): string[] {
  const {method, url, headers} = request
  const extensions = Object.keys(headers)
    .filter((name) => /^x-(?:goog|amz)-/.test(name) && !NOT_SIGNED_V2.has(name))
    .toSorted()
    .map((name) => `${name}:${(headerOf(request, name) ?? '').trim().replaceAll(/\s+/g, ' ')}\n`)
  const head = [method, headerOf(request, 'content-md5') ?? '', headers['content-type'] ?? '', time]
  // Some libraries sign the path as it is sent, others escape it their own way first, or end a bucket's with a slash.
  const paths = [url.pathname, canonicalPath(url), `${url.pathname}/`]
  return paths.map((path) => `${head.join('\n')}\n${extensions.join('')}${path}${query}`)
}

function headerOf({headers}: HttpRequest, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(',') : value
}

/** A path escaped as RFC 3986 has it, however it was sent. @param bucket which is not in it, because the host names it */
function canonicalPath({pathname}: URL, bucket = ''): string {
  return pathname
    .slice(bucket === '' ? 0 : bucket.length + 1)
    .split('/')
    .map((part) => escape(decodeURIComponent(part)))
    .join('/')
}

function canonicalQuery({searchParams}: URL, notSigned: string | undefined): string {
  return [...searchParams]
    .filter(([name]) => name !== notSigned)
    .map(([name, value]) => `${escape(name)}=${escape(value)}`)
    .toSorted((one, other) => (one < other ? -1 : 1))
    .join('&')
}

function escape(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
