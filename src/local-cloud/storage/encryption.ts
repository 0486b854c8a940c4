import {createHash} from 'node:crypto'
import type {IncomingHttpHeaders} from 'node:http'
import {isJsonObject, type JsonObject} from '../wire/json.ts'
import {StorageError} from './errors.ts'
import type {StoredObject} from './stored-object.ts'

const KEY_BYTES = 32

/** What is kept of a customer-supplied key; the local cloud checks it and encrypts nothing. */
interface CustomerEncryption {
  readonly encryptionAlgorithm: 'AES256'
  /** Base64. */
  readonly keySha256: string
}

/**
 * The customer-supplied key of a request: https://cloud.google.com/storage/docs/encryption/customer-supplied-keys
 * @param subject `copy-source-` for that of a copy's source
 * @throws StorageError 400 if it is not a key, or not the one that its hash says
 */
function keyOfHeaders(
  headers: IncomingHttpHeaders,
  subject: '' | 'copy-source-' = '',
): CustomerEncryption | undefined {
  const value = (name: string): string | undefined =>
    headers[`x-goog-${subject}encryption-${name}`]?.toString()
  const key = value('key')
  if (key === undefined) return undefined
  const algorithm = value('algorithm')
  if (algorithm !== 'AES256')
    throw refused('customerEncryptionAlgorithmIsInvalid', 'The encryption algorithm must be AES256.')
  const bytes = Buffer.from(key, 'base64')
  if (bytes.length !== KEY_BYTES)
    throw refused(
      'customerEncryptionKeyFormatIsInvalid',
      `The encryption key must be ${KEY_BYTES} bytes in base64.`,
    )
  const keySha256 = createHash('sha256').update(bytes).digest('base64')
  if (value('key-sha256') !== keySha256)
    throw refused(
      'customerEncryptionKeySha256IsInvalid',
      'The SHA-256 hash of the encryption key is missing or is not that of the key.',
    )
  return {encryptionAlgorithm: algorithm, keySha256}
}

/** What an object stored by a request gets of the request's key. @throws StorageError 400 */
export function encryptionFields(headers: IncomingHttpHeaders): {customerEncryption?: CustomerEncryption} {
  const key = keyOfHeaders(headers)
  return key === undefined ? {} : {customerEncryption: key}
}

/** The same of another object, for what keeps its bytes as they are. */
export function keptEncryption({fields: {customerEncryption}}: Pick<StoredObject, 'fields'>): JsonObject {
  return customerEncryption === undefined ? {} : {customerEncryption}
}

/**
 * Checks that a request has the key of the object whose bytes it wants, and none if the object has none.
 * @throws StorageError 400
 */
export function checkKey(
  {fields: {customerEncryption}}: StoredObject,
  headers: IncomingHttpHeaders,
  subject: '' | 'copy-source-' = '',
): void {
  const key = keyOfHeaders(headers, subject)
  const kept = isJsonObject(customerEncryption) ? customerEncryption : undefined
  if (kept === undefined && key !== undefined)
    throw refused(
      'resourceNotEncryptedWithCustomerEncryptionKey',
      'The target object is not encrypted by a customer-supplied encryption key.',
    )
  if (kept !== undefined && key === undefined)
    throw refused(
      'resourceIsEncryptedWithCustomerEncryptionKey',
      'The target object is encrypted by a customer-supplied encryption key.',
    )
  if (kept?.['keySha256'] !== key?.keySha256)
    throw refused('customerEncryptionKeyIsIncorrect', 'The provided encryption key is incorrect.')
}

/** The hashes of an object are for those who have its key. */
export function withoutHashes(json: JsonObject): JsonObject {
  const {md5Hash: _md5, crc32c: _crc32c, ...rest} = json
  return rest
}

function refused(reason: string, message: string): StorageError {
  return new StorageError(400, reason, message, {
    xmlCode: reason.replace(/^./, (first) => first.toUpperCase()),
  })
}
