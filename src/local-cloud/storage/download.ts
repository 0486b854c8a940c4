import type {IncomingHttpHeaders} from 'node:http'
import {pipeline, type Readable} from 'node:stream'
import type {Blobs} from '../state/blobs.ts'
import type {HttpResponse} from '../wire/routes.ts'
import {StorageError} from './errors.ts'
import {objectEtag} from './etag.ts'
import {textField, type StoredObject} from './stored-object.ts'

const MOST_AT_ONCE_BYTES = 64 * 1024
/** Headers that carry a member of the object as it is. */
const COPIED = [
  ['cache-control', 'cacheControl'],
  ['content-disposition', 'contentDisposition'],
  ['content-language', 'contentLanguage'],
] as const

/**
 * The bytes of an object, or the requested range of them. What was stored gzipped is unpacked for a client
 * that does not accept gzip: https://cloud.google.com/storage/docs/transcoding
 * @throws StorageError 416
 */
export function downloadObject(
  blobs: Blobs,
  object: StoredObject,
  headers: IncomingHttpHeaders,
): HttpResponse {
  const encoding = textField(object, 'contentEncoding') ?? ''
  const unpack =
    encoding === 'gzip' &&
    !acceptsGzip(headers['accept-encoding']) &&
    !/\bno-transform\b/.test(textField(object, 'cacheControl') ?? '')
  const common = objectHeaders(object)
  if (encoding !== '' && !unpack) common['content-encoding'] = encoding
  if (unpack) {
    // The unpacked length is not known beforehand, so ranges are ignored here.
    const unpacked = process.getBuiltinModule('node:zlib').createGunzip()
    pipeline(blobs.read(object.blob), unpacked, () => undefined)
    return {headers: {...common, warning: '214 UploadServer gunzipped'}, body: unpacked}
  }
  const range = readRange(headers.range, object.sizeBytes)
  if (range === undefined) {
    common['content-length'] = String(object.sizeBytes)
    if (object.sizeBytes === 0) return {headers: common}
    return {headers: common, body: bytesOf(blobs, object.blob, {start: 0, end: object.sizeBytes - 1})}
  }
  return {
    status: 206,
    headers: {
      ...common,
      'content-length': String(range.end - range.start + 1),
      'content-range': `bytes ${range.start}-${range.end}/${object.sizeBytes}`,
    },
    body: bytesOf(blobs, object.blob, range),
  }
}

function bytesOf(blobs: Blobs, blob: string, range: {start: number; end: number}): Buffer | Readable {
  return range.end - range.start < MOST_AT_ONCE_BYTES
    ? blobs.readAtOnce(blob, range)
    : blobs.read(blob, range)
}

function objectHeaders(object: StoredObject): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': headerValue(textField(object, 'contentType') ?? 'application/octet-stream'),
    'accept-ranges': 'bytes',
    etag: objectEtag(object),
    'last-modified': new Date(object.updated).toUTCString(),
    'x-goog-generation': String(object.generation),
    'x-goog-metageneration': String(object.metageneration),
    'x-goog-hash': `crc32c=${object.crc32c}${object.md5 === undefined ? '' : `,md5=${object.md5}`}`,
    'x-goog-storage-class': textField(object, 'storageClass') ?? 'STANDARD',
    'x-goog-stored-content-encoding': textField(object, 'contentEncoding') ?? 'identity',
    'x-goog-stored-content-length': String(object.sizeBytes),
  }
  for (const [name, field] of COPIED) {
    const value = textField(object, field)
    if (value !== undefined) headers[name] = headerValue(value)
  }
  return headers
}

/** Node takes Latin-1 in headers; the rest goes as the bytes of its UTF-8. */
function headerValue(value: string): string {
  return /^[\x20-\x7E]*$/.test(value) ? value : Buffer.from(value).toString('latin1')
}

function acceptsGzip(header: string | string[] | undefined): boolean {
  return [header ?? []]
    .flat()
    .join(',')
    .split(',')
    .some((coding) => /^\s*(gzip|\*)\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(coding))
}

/**
 * The one range of a `Range` header, both ends inclusive. `undefined` if there is none, or none that is understood:
 * then everything is sent.
 * @throws StorageError 416 if it starts past the end
 */
function readRange(header: string | undefined, size: number): {start: number; end: number} | undefined {
  const groups = /^bytes=(?<start>\d{0,15})-(?<end>\d{0,15})$/.exec(header?.trim() ?? '')?.groups
  const first = groups?.['start'] ?? ''
  const last = groups?.['end'] ?? ''
  if (first === '' && last === '') return undefined
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (first !== '' && last !== '' && Number(last) < start) return undefined
  if (start >= size) {
    throw new StorageError(416, 'requestedRangeNotSatisfiable', 'Request range not satisfiable', {
      headers: {'content-range': `bytes */${size}`},
    })
  }
  return {start, end}
}
