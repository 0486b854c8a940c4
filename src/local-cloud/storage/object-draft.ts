import type {BlobInfo} from '../state/blobs.ts'
import type {Principal} from '../wire/call.ts'
import {isJsonObject, type JsonObject} from '../wire/json.ts'
import type {HttpRequest} from '../wire/routes.ts'
import type {Bucket} from './bucket.ts'
import {settledContexts} from './contexts.ts'
import {encryptionFields, keptEncryption} from './encryption.ts'
import {omit} from './json.ts'
import {storageClassOf, type StoredObject} from './stored-object.ts'
import type {Preconditions} from './preconditions.ts'

/** Holds and retention never go along, and the class is that of the copy's bucket. */
const NOT_INHERITED = new Set([
  'acl',
  'customerEncryption',
  'eventBasedHold',
  'kmsKeyName',
  'owner',
  'retention',
  'storageClass',
  'temporaryHold',
])

/** An object about to be stored. Plain JSON, since upload sessions keep it. */
export interface ObjectDraft {
  readonly bucket: string
  readonly name: string
  readonly fields: JsonObject
  readonly preconditions: Preconditions
  /** The name of a list that it gets instead of its bucket's default. */
  readonly predefinedAcl?: string
  readonly principal: Principal
  /** What links in resources and events begin with. */
  readonly origin: string
}

/** Bytes that are in place, of a new blob or one that another object has too. */
export type Content = Pick<StoredObject, 'blob' | 'sizeBytes' | 'md5' | 'crc32c' | 'componentCount'>

export const contentOfObject = ({blob, sizeBytes, md5, crc32c, componentCount}: StoredObject): Content => ({
  blob,
  sizeBytes,
  md5,
  crc32c,
  componentCount,
})

/** What a copy takes over of an object if it is given nothing else. */
export function inheritedFields({fields}: StoredObject): JsonObject {
  return omit(fields, NOT_INHERITED)
}

/** What a soft-deleted object takes over when it is restored. */
export function restoredFields(object: StoredObject): JsonObject {
  return {...inheritedFields(object), ...keptEncryption(object), storageClass: storageClassOf(object)}
}

/**
 * What a request says of the object that it stores beside its metadata: lists and keys.
 * @param names the parameters' names here
 */
export function draftOptions(
  {url, headers}: Pick<HttpRequest, 'url' | 'headers'>,
  fields: JsonObject,
  names: {predefinedAcl: string; kmsKeyName: string} = {
    predefinedAcl: 'predefinedAcl',
    kmsKeyName: 'kmsKeyName',
  },
): Pick<ObjectDraft, 'fields' | 'predefinedAcl'> {
  const query = url.searchParams
  const predefinedAcl = query.get(names.predefinedAcl) ?? ''
  const kmsKeyName = query.get(names.kmsKeyName) ?? ''
  return {
    fields: {...fields, ...(kmsKeyName === '' ? {} : {kmsKeyName}), ...encryptionFields(headers)},
    ...(predefinedAcl === '' ? {} : {predefinedAcl}),
  }
}

/** Inside the `State.write` that stores the object. */
export function contentOfBlob({id, sizeBytes, md5, crc32c, keep}: BlobInfo): Content {
  keep?.()
  return {blob: id, sizeBytes, md5, crc32c, componentCount: undefined}
}

/** An object has the class, the key and the default hold of its bucket unless it was given others. */
export function fieldsOfNew(fields: JsonObject, bucket: Bucket): JsonObject {
  const {storageClass, defaultEventBasedHold} = bucket.fields
  const {encryption} = bucket.fields
  const given = fields['storageClass'] ?? storageClass
  const key = fields['kmsKeyName'] ?? (isJsonObject(encryption) ? encryption['defaultKmsKeyName'] : undefined)
  const held = fields['eventBasedHold'] ?? defaultEventBasedHold
  return {
    ...fields,
    ...(typeof given === 'string' ? {storageClass: given.toUpperCase()} : {}),
    ...(typeof key === 'string' && key !== '' ? {kmsKeyName: keyVersion(key)} : {}),
    ...(held === true ? {eventBasedHold: true} : {}),
  }
}

/** Contexts get their times from the server. */
export function withContexts(present: JsonObject, next: JsonObject, now: number): JsonObject {
  const {contexts, ...fields} = next
  if (contexts === undefined) return next
  const settled = settledContexts(present['contexts'], contexts, now)
  return settled === undefined ? fields : {...fields, contexts: settled}
}

/** Objects name the version of a key that encrypts them; the local cloud keeps the name and encrypts nothing. */
function keyVersion(key: string): string {
  return key.includes('/cryptoKeyVersions/') ? key : `${key}/cryptoKeyVersions/1`
}
