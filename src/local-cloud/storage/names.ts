import {isIPv4} from 'node:net'
import {invalid} from './errors.ts'

const MAX_OBJECT_NAME_BYTES = 1024
/** A prefix with it comes after every name that begins with the prefix. */
export const LAST_CHARACTER = '\u{10FFFF}'

/** @throws StorageError 400 if `name` breaks https://cloud.google.com/storage/docs/buckets#naming */
export function checkBucketName(name: string): void {
  const longest = name.includes('.') ? 222 : 63
  const fits =
    name.length >= 3 &&
    name.length <= longest &&
    /^[a-z0-9][a-z0-9._-]*[a-z0-9]$/.test(name) &&
    name.split('.').every((part) => part !== '' && part.length <= 63) &&
    !isIPv4(name) &&
    !name.startsWith('goog') &&
    !/g[o0][o0]g[l1]e/.test(name)
  if (!fits) throw invalid(`Invalid bucket name: '${name}'`)
}

/** By the UTF-8 bytes of names, as lists are ordered; JavaScript compares UTF-16 units, which is another order. */
export function compareNames(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}

/** @throws StorageError 400 if `name` breaks https://cloud.google.com/storage/docs/objects#naming */
export function checkObjectName(name: string): void {
  if (name === '') throw invalid('Required parameter: name')
  if (Buffer.byteLength(name) > MAX_OBJECT_NAME_BYTES) {
    throw invalid(`The object name is longer than ${MAX_OBJECT_NAME_BYTES} bytes in UTF-8.`)
  }
  if (/[\r\n]/.test(name)) throw invalid('The object name contains a carriage return or line feed.')
  if (!name.isWellFormed()) throw invalid('The object name is not valid Unicode.')
  if (name === '.' || name === '..' || name.startsWith('.well-known/acme-challenge/')) {
    throw invalid(`Invalid object name: '${name}'`)
  }
}
