import {createHash} from 'node:crypto'
import type {StoredObject} from './stored-object.ts'
import {isJsonObject, type JsonObject} from '../wire/json.ts'
import {type Bucket, hasFolders} from './bucket.ts'
import {aclOf} from './acl.ts'
import {invalid} from './errors.ts'
import {objectEtag} from './etag.ts'
import {pick} from './json.ts'
import {retainedUntil} from './protection.ts'
import {checkStorageClass} from './storage-classes.ts'
import {integer, optionalInteger, optionalText, storedJson, text, type Row} from '../state/rows.ts'

const TEXTS = [
  'cacheControl',
  'contentDisposition',
  'contentEncoding',
  'contentLanguage',
  'contentType',
  'customTime',
  'storageClass',
]
/** Members of the Object resource that a caller may set; the rest of a body is ignored, as Google does. */
const WRITABLE = new Set([
  ...TEXTS,
  'acl',
  'contexts',
  'eventBasedHold',
  'metadata',
  'retention',
  'temporaryHold',
])
/** Shown in their own form, if at all. */
const NOT_SHOWN = new Set(['acl', 'owner'])
/** https://cloud.google.com/storage/quotas#objects */
const MAX_CUSTOM_METADATA_BYTES = 8 * 1024

/**
 * The writable part of a body, in its order.
 * @throws StorageError 400 if a member has the wrong type or the custom metadata is too large
 */
export function writableObjectFields(body: JsonObject): JsonObject {
  const fields = pick(body, WRITABLE)
  for (const [name, value] of Object.entries(fields)) {
    if (!hasType(name, value))
      throw invalid(`Invalid value for the object's ${name}: ${JSON.stringify(value)}`)
    // These go into headers of downloads.
    if (TEXTS.includes(name) && /\p{Cc}/u.test(String(value))) {
      throw invalid(`Invalid value for the object's ${name}: it has control characters.`)
    }
  }
  const {customTime, storageClass, metadata, retention} = fields
  // What Python's client sends to remove it.
  if (isJsonObject(retention) && Object.keys(retention).length === 0) delete fields['retention']
  if (storageClass !== undefined) checkStorageClass(storageClass)
  if (typeof customTime === 'string' && Number.isNaN(Date.parse(customTime)))
    throw invalid(`Invalid value for the object's customTime: ${customTime} is not a time in RFC 3339.`)
  aclOf('object', fields['acl'])
  return isJsonObject(metadata) ? {...fields, metadata: customMetadata(metadata)} : fields
}

function hasType(name: string, value: unknown): boolean {
  if (TEXTS.includes(name)) return typeof value === 'string'
  if (name === 'metadata' || name === 'retention' || name === 'contexts') return isJsonObject(value)
  if (name === 'acl') return Array.isArray(value)
  return typeof value === 'boolean'
}

function customMetadata(metadata: JsonObject): JsonObject {
  let bytes = 0
  const present = Object.entries(metadata).filter(([, value]) => value !== null)
  for (const [key, value] of present) {
    if (typeof value !== 'string')
      throw invalid(`Invalid value for the metadata ${key}: ${JSON.stringify(value)}`)
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value)
  }
  if (bytes > MAX_CUSTOM_METADATA_BYTES) {
    throw invalid(
      `The object's custom metadata has ${bytes} bytes; at most ${MAX_CUSTOM_METADATA_BYTES} are allowed.`,
    )
  }
  return Object.fromEntries(present)
}

export function objectOfRow(row: Row): StoredObject {
  return {
    bucket: text(row, 'bucket'),
    name: text(row, 'name'),
    generation: integer(row, 'generation'),
    metageneration: integer(row, 'metageneration'),
    blob: text(row, 'blob'),
    sizeBytes: integer(row, 'size'),
    md5: optionalText(row, 'md5'),
    crc32c: text(row, 'crc32c'),
    componentCount: optionalInteger(row, 'component_count'),
    timeCreated: integer(row, 'time_created'),
    updated: integer(row, 'updated'),
    timeDeleted: optionalInteger(row, 'time_deleted'),
    classUpdated: optionalInteger(row, 'class_updated'),
    holdReleased: optionalInteger(row, 'hold_released'),
    fields: storedJson(row, 'fields'),
  }
}

/** An object as its resource, with what its bucket determines of it. */
export type RenderObject = (object: StoredObject, origin: string, withAcl?: boolean) => JsonObject

/** Members of the Object resource that no caller sets, in its order; `undefined` if an object has none. */
const MEMBERS: readonly (readonly [
  name: string,
  of: (object: StoredObject, origin: string, inBucket: Bucket | undefined) => unknown,
])[] = [
  ['kind', () => 'storage#object'],
  ['id', ({bucket, name, generation}) => `${bucket}/${name}/${generation}`],
  ['selfLink', (object, origin) => `${origin}/${pathOf(object)}`],
  [
    'mediaLink',
    (object, origin) => `${origin}/download/${pathOf(object)}?generation=${object.generation}&alt=media`,
  ],
  ['name', ({name}) => name],
  ['bucket', ({bucket}) => bucket],
  ['generation', ({generation}) => String(generation)],
  ['metageneration', ({metageneration}) => String(metageneration)],
  ['storageClass', () => 'STANDARD'],
  ['size', ({sizeBytes}) => String(sizeBytes)],
  ['md5Hash', ({md5}) => md5],
  ['crc32c', ({crc32c}) => crc32c],
  ['etag', (object) => objectEtag(object)],
  ['componentCount', ({componentCount}) => componentCount],
  ['timeCreated', ({timeCreated}) => timeText(timeCreated)],
  ['updated', ({updated}) => timeText(updated)],
  ['timeStorageClassUpdated', ({classUpdated, timeCreated}) => timeText(classUpdated ?? timeCreated)],
  ['timeFinalized', ({timeCreated}) => timeText(timeCreated)],
  ['timeDeleted', ({timeDeleted}) => optionalTime(timeDeleted)],
  ['retentionExpirationTime', (object, _origin, inBucket) => optionalTime(retainedUntil(inBucket, object))],
  ['softDeleteTime', ({softDeleted}) => optionalTime(softDeleted?.at)],
  ['hardDeleteTime', ({softDeleted}) => optionalTime(softDeleted?.until)],
  [
    'restoreToken',
    (object, _origin, inBucket) =>
      object.softDeleted && inBucket && hasFolders(inBucket) ? restoreToken(object) : undefined,
  ],
]

/**
 * The Object resource: https://cloud.google.com/storage/docs/json_api/v1/objects#resource
 * @param inBucket the object's bucket; `undefined` if it has gone meanwhile
 */
export function objectJson(object: StoredObject, origin: string, inBucket: Bucket | undefined): JsonObject {
  return objectRenderer(origin, inBucket, undefined)(object)
}

/**
 * Renders many objects of one bucket.
 * @param wanted the members to render; `undefined`: all
 */
export function objectRenderer(
  origin: string,
  inBucket: Bucket | undefined,
  wanted: ReadonlySet<string> | undefined,
): (object: StoredObject) => JsonObject {
  const isWanted = (name: string) => wanted === undefined || wanted.has(name)
  const members = MEMBERS.filter(([name]) => isWanted(name))
  return (object) => {
    const json: Record<string, unknown> = {}
    for (const [name, of] of members) {
      const value = of(object, origin, inBucket)
      if (value !== undefined) json[name] = value
    }
    for (const name in object.fields)
      if (isWanted(name) && !NOT_SHOWN.has(name)) json[name] = object.fields[name]
    return json
  }
}

/** What tells soft-deleted objects apart whose folders were renamed, in buckets with hierarchical namespace. */
export function restoreToken({bucket, name, generation, softDeleted}: StoredObject): string {
  const identity = JSON.stringify([bucket, name, generation, softDeleted?.at])
  return createHash('sha256').update(identity).digest('base64url').slice(0, 22)
}

function pathOf({bucket, name}: StoredObject): string {
  return `storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(name)}`
}

function optionalTime(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : timeText(ms)
}

function timeText(ms: number): string {
  return new Date(ms).toISOString()
}
