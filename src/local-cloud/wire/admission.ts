import type {IncomingHttpHeaders, IncomingMessage} from 'node:http'
import {ApiError} from './api-error.ts'

/** Clients use few names for this machine; a name of a hosted service or bucket counts too. */
const MOST_HOSTS_KEPT = 1000

const LOOPBACK_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/i
/**
 * Google's APIs and registries are one level below, a region in front of the name at most: `europe-west3-run.googleapis.com`;
 * buckets one level further. `accounts.google.com` has the tokens of some clients.
 */
const GOOGLE_HOST =
  /^(?:(?:[a-z0-9-]+|(?<bucket>[a-z0-9_-]+)\.storage)\.googleapis\.com|[a-z0-9-]+\.pkg\.dev|accounts\.google\.com)(?::(?<port>\d+))?$/i

/** Whether `host[:port]` is one of Google's that the local cloud stands in for. @param port that it must have, or none */
export function isGoogleHost(authority: string, port: number): boolean {
  const match = GOOGLE_HOST.exec(authority)
  return match !== null && [undefined, String(port)].includes(match.groups?.['port'])
}

/** The bucket that a host of Google's names: https://cloud.google.com/storage/docs/request-endpoints#xml-api */
export function bucketOfHost(authority = ''): string | undefined {
  return GOOGLE_HOST.exec(authority)?.groups?.['bucket']
}

const withBucket = (authority: string | undefined, path: string): string => {
  const bucket = bucketOfHost(authority)
  return bucket === undefined ? path : `/${bucket}${path}`
}

/** A host by which requests come in: the origin that it is, and the bucket that it names. */
interface Host {
  readonly origin: string | undefined
  readonly bucket: string | undefined
}

/** How the request came. */
export function schemeOf({socket}: IncomingMessage): 'http' | 'https' {
  return 'encrypted' in socket ? 'https' : 'http'
}

/** Where a request goes, once it was found to be allowed there. */
export interface Destination {
  /** Origin under which the caller reached the local cloud. */
  readonly origin: string
  /** Path and query. */
  readonly path: string
  /** The page of another origin that sends it, if one does: only a route that allows it may answer. */
  readonly foreignPage: string | undefined
}

/** Called for each call that would have left the machine. `host` as requested, `method` CONNECT for a tunnel. */
export type OnOutsideCall = (call: {readonly host: string; readonly method: string}) => void

/** @throws ApiError PERMISSION_DENIED for what the listener does not serve */
export type Admit = (message: IncomingMessage) => Destination

/**
 * Admits requests to this machine alone: a name that resolves to loopback through foreign DNS gets nothing.
 * @param asGoogle whether requests to Google's hosts are for this machine too, which TLS proves
 * @param byAnyName whether it has other names, as beyond loopback, where callers prove who they are
 */
export function admitLoopback(
  onOutsideCall: OnOutsideCall,
  {asGoogle = false, byAnyName = false} = {},
): Admit {
  // A listener speaks either HTTP or HTTPS.
  const known = new Map<string, Host>()
  const read = (message: IncomingMessage, host: string): Host => {
    const ours = LOOPBACK_HOST.exec(host)
    const isOurs = byAnyName || ours !== null || (asGoogle && isGoogleHost(host, 443))
    // Google's clients for Rust and Node leave out the port, which links have to have.
    const port = byAnyName || ours === null || ours[2] !== undefined ? '' : `:${message.socket.localPort}`
    const origin = isOurs ? URL.parse(`${schemeOf(message)}://${host}${port}`)?.origin : undefined
    const found = {origin, bucket: bucketOfHost(host)}
    if (known.size >= MOST_HOSTS_KEPT) known.clear()
    known.set(host, found)
    return found
  }
  return (message) => {
    const target = message.url ?? '/'
    if (!target.startsWith('/') && target !== '*')
      throw refuseOutside(message, authorityOf(target), onOutsideCall)
    let hosts = 0
    for (let index = 0; index < message.rawHeaders.length; index += 2) {
      const name = message.rawHeaders[index]
      if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1
    }
    const {host = ''} = message.headers
    const {origin, bucket} = known.get(host) ?? read(message, host)
    if (hosts !== 1 || origin === undefined) {
      throw new ApiError(
        'PERMISSION_DENIED',
        `The local cloud answers on 127.0.0.1 only, not as host ${JSON.stringify(host)}.`,
      )
    }
    return {
      origin,
      path: bucket === undefined ? target : `/${bucket}${target}`,
      foreignPage: pageOf(message),
    }
  }
}

/**
 * Admits what a client sends to a forward proxy (RFC 9112, 3.2.2: `GET http://run.googleapis.com/… HTTP/1.1`) for an
 * API of Google's, which is then served here; every other host is refused. The target takes the place of the Host
 * header, as that section has it: what a signature is checked against is where the request goes.
 */
export function admitProxied(onOutsideCall: OnOutsideCall): Admit {
  return (message) => {
    const target = message.url ?? '/'
    if (target.startsWith('/')) {
      throw new ApiError(
        'PERMISSION_DENIED',
        'This port of the local cloud is a forward proxy: it takes requests for http://….googleapis.com/ only.',
      )
    }
    const authority = authorityOf(target)
    if (!target.startsWith('http://') || !isGoogleHost(authority, 80)) {
      throw refuseOutside(message, authority, onOutsideCall)
    }
    const {origin, pathname} = new URL(target)
    message.headers.host = authority
    const path = target.slice(target.indexOf('/', 'http://'.length)) || pathname
    return {origin, path: withBucket(authority, path), foreignPage: pageOf(message)}
  }
}

function refuseOutside(message: IncomingMessage, authority: string, onOutsideCall: OnOutsideCall): ApiError {
  onOutsideCall({host: authority, method: message.method ?? 'GET'})
  return new ApiError('PERMISSION_DENIED', outsideMessage(authority))
}

/** The error for a request that would have left the machine. */
export function outsideMessage(authority: string): string {
  return LOOPBACK_HOST.test(authority)
    ? `The local cloud does not proxy to ${authority}: set NO_PROXY=127.0.0.1,localhost,::1 to reach this machine directly.`
    : `The local cloud lets nothing leave this machine: ${authority} is refused.`
}

/** `http://host:80/path` → `host:80` */
function authorityOf(target: string): string {
  return (
    /^[a-z][a-z0-9+.-]*:\/\/(?:[^@/?#]*@)?(?<authority>[^/?#]*)/i.exec(target)?.groups?.['authority'] ??
    target
  )
}

function pageOf({headers}: IncomingMessage): string | undefined {
  return foreignPage(headers) ?? otherSite(headers)
}

/**
 * The page of another machine's that a browser sends a request for: by its origin, or, if a browser sends none as for
 * images and simple GETs, by `Sec-Fetch-Site` (https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header).
 */
export function foreignPage(headers: IncomingHttpHeaders): string | undefined {
  const {origin} = headers
  if (origin === undefined) return otherSite(headers)
  return LOOPBACK_HOST.test(origin.replace(/^https?:\/\//, '')) ? undefined : origin
}

/** A page of the same site may be another port's; only what the user typed or the same origin sends is this one's. */
function otherSite({'sec-fetch-site': site}: IncomingHttpHeaders): string | undefined {
  return site === undefined || site === 'none' || site === 'same-origin' ? undefined : site
}
