import {isJsonObject, type JsonObject} from '../wire/json.ts'
import {invalid, missingParameter} from './errors.ts'
import {bucketEtag} from './etag.ts'
import {pick} from './json.ts'
import {integer, storedJson, text, type Row} from '../state/rows.ts'

/** A bucket as it is kept. Times in milliseconds since 1970. */
export interface Bucket {
  readonly name: string
  readonly project: string
  readonly metageneration: number
  readonly generation: number
  readonly timeCreated: number
  readonly updated: number
  /** What the caller set, as it was sent. */
  readonly fields: JsonObject
}

/** Members of the Bucket resource that a caller may set; the rest of a body is ignored, as Google does. */
const WRITABLE = new Set([
  'acl',
  'autoclass',
  'billing',
  'cors',
  'customPlacementConfig',
  'defaultEventBasedHold',
  'defaultObjectAcl',
  'encryption',
  'hierarchicalNamespace',
  'iamConfiguration',
  'ipFilter',
  'labels',
  'lifecycle',
  'location',
  'logging',
  'objectRetention',
  'retentionPolicy',
  'rpo',
  'softDeletePolicy',
  'storageClass',
  'versioning',
  'website',
])
const TEXTS = new Set(['location', 'storageClass', 'rpo'])
const LISTS = new Set(['acl', 'cors', 'defaultObjectAcl'])
const FLAGS = new Set(['defaultEventBasedHold'])

/**
 * The writable part of a body, in its order.
 * @throws StorageError 400 if a member has the wrong type or a lifecycle rule is incomplete
 */
export function writableBucketFields(body: JsonObject): JsonObject {
  const fields = pick(body, WRITABLE)
  for (const [name, value] of Object.entries(fields)) {
    if (!hasType(name, value))
      throw invalid(`Invalid value for the bucket's ${name}: ${JSON.stringify(value)}`)
  }
  checkLabels(fields['labels'])
  checkLifecycle(fields['lifecycle'])
  return fields
}

function hasType(name: string, value: unknown): boolean {
  if (TEXTS.has(name)) return typeof value === 'string' && value !== ''
  if (LISTS.has(name)) return Array.isArray(value)
  if (FLAGS.has(name)) return typeof value === 'boolean'
  return isJsonObject(value)
}

function checkLabels(labels: unknown): void {
  if (!isJsonObject(labels)) return
  for (const [key, value] of Object.entries(labels)) {
    if (typeof value !== 'string')
      throw invalid(`Invalid value for the label ${key}: ${JSON.stringify(value)}`)
  }
}

function checkLifecycle(lifecycle: unknown): void {
  const rules = isJsonObject(lifecycle) ? (lifecycle['rule'] ?? []) : []
  if (!Array.isArray(rules)) throw invalid('Invalid value for the bucket\'s lifecycle: "rule" is not a list.')
  for (const rule of rules) {
    if (!isJsonObject(rule) || !isJsonObject(rule['action'])) throw missingParameter('lifecycle.rule.action')
    if (!isJsonObject(rule['condition'])) throw missingParameter('lifecycle.rule.condition')
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

export function keepsVersions(bucket: Bucket): boolean {
  const versioning = bucket.fields['versioning']
  return isJsonObject(versioning) && versioning['enabled'] === true
}

/** The Bucket resource: https://cloud.google.com/storage/docs/json_api/v1/buckets#resource */
export function bucketJson(bucket: Bucket, context: {origin: string; projectNumber: string}): JsonObject {
  const {location} = bucket.fields
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
    storageClass: 'STANDARD',
    ...bucket.fields,
    // Sent in any case, shown in capitals: https://cloud.google.com/storage/docs/locations#considerations
    location: typeof location === 'string' ? location.toUpperCase() : 'US',
  }
}
