import {isDeepStrictEqual} from 'node:util'
import {type Bucket, hasFolders, type SoftDeletedBucket} from './bucket.ts'
import {LABEL_KEY, LABEL_VALUE, MOST_LABELS} from '../labels.ts'
import {isJsonObject, type JsonObject} from '../wire/json.ts'
import {aclOf, bringsList, entitiesOf, isUniform, refuseUniform} from './acl.ts'
import {invalid} from './errors.ts'
import {bucketEtag} from './etag.ts'
import {omit, pick} from './json.ts'
import {lifecycleRules} from './lifecycle-rules.ts'
import {locationTypeOf} from './locations.ts'
import {settledRetentionPolicy} from './protection.ts'
import {checkPublicAccessSetting, refusePublic} from './public-access.ts'
import {settledSoftDeletePolicy} from './soft-deleted.ts'
import {checkStorageClass} from './storage-classes.ts'
import {integer, storedJson, text, type Row} from '../state/rows.ts'

interface Members extends Readonly<Record<string, Shape>> {}
type Shape = 'boolean' | 'number' | 'string' | readonly Shape[] | Members

/**
 * Members of the Bucket resource that a caller may set, with their types; the rest of a body is ignored, as Google does.
 * Members with an empty shape are checked elsewhere.
 */
const WRITABLE: Members = {
  acl: [{}],
  autoclass: {enabled: 'boolean', terminalStorageClass: 'string'},
  billing: {requesterPays: 'boolean'},
  cors: [{origin: ['string'], method: ['string'], responseHeader: ['string'], maxAgeSeconds: 'number'}],
  customPlacementConfig: {dataLocations: ['string']},
  defaultEventBasedHold: 'boolean',
  defaultObjectAcl: [{}],
  encryption: {defaultKmsKeyName: 'string'},
  hierarchicalNamespace: {enabled: 'boolean'},
  iamConfiguration: {
    bucketPolicyOnly: {enabled: 'boolean'},
    uniformBucketLevelAccess: {enabled: 'boolean'},
    publicAccessPrevention: 'string',
  },
  ipFilter: {},
  labels: {},
  lifecycle: {},
  location: 'string',
  logging: {logBucket: 'string', logObjectPrefix: 'string'},
  retentionPolicy: {},
  rpo: 'string',
  softDeletePolicy: {},
  storageClass: 'string',
  versioning: {enabled: 'boolean'},
  website: {mainPageSuffix: 'string', notFoundPage: 'string'},
}
const WRITABLE_NAMES = new Set(Object.keys(WRITABLE))
const PERMANENT = new Set(['hierarchicalNamespace', 'objectRetention'])
const LISTS_OF_ACCESS = {acl: 'bucket', defaultObjectAcl: 'defaultObject'} as const

/**
 * The writable part of a body, in its order.
 * @param present members as they were stored, which may be by an earlier version with fewer checks: not checked again
 * @throws StorageError 400 if a member has the wrong type or a lifecycle rule is not valid
 */
export function writableBucketFields(body: JsonObject, present: JsonObject = {}): JsonObject {
  const fields = pick(body, WRITABLE_NAMES)
  const changed = Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => !isDeepStrictEqual(value, present[name])),
  )
  for (const [name, value] of Object.entries(changed)) checkShape(name, value, WRITABLE[name] ?? {})
  checkLabels(changed['labels'])
  lifecycleRules(changed['lifecycle'])
  aclOf('bucket', changed['acl'])
  aclOf('defaultObject', changed['defaultObjectAcl'])
  checkPublicAccessSetting(changed)
  checkPlaces(changed)
  const {storageClass = ''} = changed
  if (storageClass !== '') checkStorageClass(storageClass)
  return fields
}

/** @throws StorageError 400 that names the member which has another type; null counts as absent */
function checkShape(name: string, value: unknown, shape: Shape): void {
  if (value === undefined || value === null) return
  const isRight =
    typeof shape === 'string'
      ? typeof value === shape || (shape === 'number' && typeof value === 'string' && /^\d+$/.test(value))
      : isList(shape)
        ? Array.isArray(value)
        : isJsonObject(value)
  if (!isRight) throw invalid(`Invalid value for the bucket's ${name}: ${JSON.stringify(value)}`)
  if (typeof shape === 'string') return
  if (isList(shape) && Array.isArray(value)) for (const each of value) checkShape(name, each, shape[0] ?? {})
  else if (!isList(shape) && isJsonObject(value))
    for (const [member, inner] of Object.entries(shape)) checkShape(`${name}.${member}`, value[member], inner)
}

const isList = (shape: Shape): shape is readonly Shape[] => Array.isArray(shape)

function checkLabels(labels: unknown): void {
  if (!isJsonObject(labels)) return
  const entries = Object.entries(labels)
  if (entries.length > MOST_LABELS)
    throw invalid(`A bucket has at most ${MOST_LABELS} labels, not ${entries.length}.`)
  for (const [key, value] of entries) {
    if (!LABEL_KEY.test(key))
      throw invalid(
        `Invalid label key '${key}': up to 63 lowercase letters, digits, _ and -, starting with a letter.`,
      )
    if (typeof value !== 'string' || !LABEL_VALUE.test(value))
      throw invalid(
        `Invalid value for the label ${key}: ${JSON.stringify(value)}: up to 63 lowercase letters, digits, _ and -.`,
      )
  }
}

/**
 * The fields as they are kept after a change, with what Google determines of them.
 * @param present those of before; `undefined` of a new bucket
 * @throws StorageError 400 for values that Google refuses, 403 if a locked retention policy would be loosened
 */
export function settledBucketFields(
  bucket: string,
  present: JsonObject | undefined,
  next: JsonObject,
  now: number,
): JsonObject {
  // What a bucket is created with and keeps.
  const settled: JsonObject = {...next, ...pick(present ?? {}, PERMANENT)}
  if (hasFolders({fields: settled}) && !isUniform(settled))
    throw invalid('A hierarchical namespace needs uniform bucket-level access.')
  const {softDeletePolicy} = next
  const location = locationOf(next)
  locationTypeOf(location, next['customPlacementConfig'] !== undefined)
  if (present !== undefined && locationOf(present) !== location)
    throw invalid(`The location of bucket '${bucket}' is ${locationOf(present)} and cannot be changed.`)
  // Lists that a bucket had are kept for its way back, but new ones are refused.
  for (const [name, kind] of Object.entries(LISTS_OF_ACCESS)) {
    if (!bringsList(present?.[name], next[name])) continue
    if (isUniform(next)) throw refuseUniform('bucket')
    refusePublic(next, entitiesOf(kind, next[name]))
  }
  if (settled['storageClass'] === '') delete settled['storageClass']
  const policies = {present: present?.['retentionPolicy'], next: next['retentionPolicy'], now}
  const retention = settledRetentionPolicy(bucket, policies)
  if (retention === undefined) delete settled['retentionPolicy']
  else settled['retentionPolicy'] = retention
  if (isJsonObject(softDeletePolicy)) {
    settled['softDeletePolicy'] = settledSoftDeletePolicy(
      present?.['softDeletePolicy'],
      softDeletePolicy,
      now,
    )
  }
  const {autoclass} = next
  if (isJsonObject(autoclass)) settled['autoclass'] = settledAutoclass(present?.['autoclass'], autoclass, now)
  return settled
}

/** https://cloud.google.com/storage/docs/availability-durability#turbo-replication, …/locations#location-dr */
function checkPlaces({rpo = 'DEFAULT', customPlacementConfig}: JsonObject): void {
  if (rpo !== '' && rpo !== 'DEFAULT' && rpo !== 'ASYNC_TURBO')
    throw invalid(`Invalid rpo ${JSON.stringify(rpo)}; it must be DEFAULT or ASYNC_TURBO.`)
  const regions = isJsonObject(customPlacementConfig) ? customPlacementConfig['dataLocations'] : undefined
  if (customPlacementConfig !== undefined && !(Array.isArray(regions) && regions.length === 2))
    throw invalid('customPlacementConfig.dataLocations must name two regions.')
}

/** https://cloud.google.com/storage/docs/json_api/v1/buckets#autoclass */
function settledAutoclass(present: unknown, next: JsonObject, now: number): JsonObject {
  const before: JsonObject = isJsonObject(present) ? present : {}
  const time = new Date(now).toISOString()
  const enabled = next['enabled'] === true
  if (!enabled) return {enabled, toggleTime: before['enabled'] === false ? before['toggleTime'] : time}
  const terminalStorageClass = next['terminalStorageClass'] ?? 'NEARLINE'
  if (terminalStorageClass !== 'NEARLINE' && terminalStorageClass !== 'ARCHIVE')
    throw invalid(
      `Invalid autoclass.terminalStorageClass ${JSON.stringify(terminalStorageClass)}; it must be NEARLINE or ARCHIVE.`,
    )
  const keeps = before['terminalStorageClass'] === terminalStorageClass
  return {
    enabled,
    toggleTime: before['enabled'] === true ? before['toggleTime'] : time,
    terminalStorageClass,
    terminalStorageClassUpdateTime: keeps ? before['terminalStorageClassUpdateTime'] : time,
  }
}

export function bucketOfRow(row: Row): Bucket {
  return {
    name: text(row, 'name'),
    project: text(row, 'project'),
    metageneration: integer(row, 'metageneration'),
    generation: integer(row, 'generation'),
    timeCreated: integer(row, 'time_created'),
    updated: integer(row, 'updated'),
    fields: storedJson(row, 'fields'),
  }
}

/**
 * The Bucket resource, filled as Google fills it: https://cloud.google.com/storage/docs/json_api/v1/buckets#resource
 * Unlike there, a bucket keeps no deleted objects unless it was told to: they would fill the disk.
 * @param acls its access control lists, where they are asked for
 */
export function bucketJson(
  bucket: Bucket & Partial<Pick<SoftDeletedBucket, 'softDeleted'>>,
  context: {origin: string; projectNumber: string},
  acls: JsonObject = {},
): JsonObject {
  const location = locationOf(bucket.fields)
  const locationType = locationTypeOf(location, bucket.fields['customPlacementConfig'] !== undefined)
  const {labels, cors, storageClass, iamConfiguration, ...fields} = omit(
    bucket.fields,
    new Set(Object.keys(LISTS_OF_ACCESS)),
  )
  return {
    kind: 'storage#bucket',
    id: bucket.name,
    selfLink: `${context.origin}/storage/v1/b/${encodeURIComponent(bucket.name)}`,
    name: bucket.name,
    projectNumber: context.projectNumber,
    generation: String(bucket.generation),
    metageneration: String(bucket.metageneration),
    etag: bucketEtag(bucket.metageneration),
    timeCreated: new Date(bucket.timeCreated).toISOString(),
    updated: new Date(bucket.updated).toISOString(),
    storageClass: typeof storageClass === 'string' ? storageClass.toUpperCase() : 'STANDARD',
    ...(locationType === 'region' ? {} : {rpo: 'DEFAULT'}),
    softDeletePolicy: {retentionDurationSeconds: '0'},
    ...(isEmpty(labels) ? {} : {labels}),
    ...(isEmpty(cors) ? {} : {cors}),
    ...fields,
    ...acls,
    iamConfiguration: {
      bucketPolicyOnly: {enabled: false},
      uniformBucketLevelAccess: {enabled: false},
      publicAccessPrevention: 'inherited',
      ...(isJsonObject(iamConfiguration) ? iamConfiguration : {}),
    },
    location,
    locationType,
    ...(bucket.softDeleted === undefined
      ? {}
      : {
          softDeleteTime: new Date(bucket.softDeleted.at).toISOString(),
          hardDeleteTime: new Date(bucket.softDeleted.until).toISOString(),
        }),
  }
}

/** Sent in any case, shown in capitals: https://cloud.google.com/storage/docs/locations#considerations */
function locationOf({location}: JsonObject): string {
  return typeof location === 'string' && location !== '' ? location.toUpperCase() : 'US'
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    (isJsonObject(value) ? Object.keys(value).length === 0 : Array.isArray(value) && value.length === 0)
  )
}
