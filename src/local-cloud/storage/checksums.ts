import type {IncomingHttpHeaders} from 'node:http'
import type {BlobInfo} from '../state/blobs.ts'
import type {JsonObject} from '../wire/json.ts'
import {StorageError} from './errors.ts'

/** What the sender says that the bytes hash to, base64. */
export interface Checksums {
  readonly md5?: string
  readonly crc32c?: string
}

/** The checksums in an Object resource that is sent (`md5Hash`, `crc32c`). */
export function checksumsOfMetadata({md5Hash, crc32c}: JsonObject): Checksums {
  return {
    ...(typeof md5Hash === 'string' ? {md5: md5Hash} : {}),
    ...(typeof crc32c === 'string' ? {crc32c} : {}),
  }
}

/** The checksums in `x-goog-hash: crc32c=…,md5=…`, or `content-md5`. */
export function checksumsOfHeaders(headers: IncomingHttpHeaders): Checksums {
  const header = [headers['x-goog-hash'] ?? []].flat().join(',')
  const values = new Map(
    header.split(',').map((part) => {
      const equals = part.indexOf('=')
      return [part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim()]
    }),
  )
  const md5 = values.get('md5') ?? headers['content-md5']?.toString()
  const crc32c = values.get('crc32c')
  return {...(md5 === undefined ? {} : {md5}), ...(crc32c === undefined ? {} : {crc32c})}
}

/** @throws StorageError 400 if the bytes do not match */
export function checkChecksums(expected: Checksums, actual: BlobInfo): void {
  if (expected.crc32c !== undefined && expected.crc32c !== actual.crc32c) {
    throw badDigest(
      `Provided CRC32C "${expected.crc32c}" doesn't match calculated CRC32C "${actual.crc32c}".`,
    )
  }
  if (expected.md5 !== undefined && expected.md5 !== actual.md5) {
    throw badDigest(`Provided MD5 hash "${expected.md5}" doesn't match calculated MD5 hash "${actual.md5}".`)
  }
}

const badDigest = (message: string): StorageError =>
  new StorageError(400, 'invalid', message, {xmlCode: 'BadDigest'})
