import {isJsonObject, type JsonObject} from '../wire/json.ts'

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

/** A deleted bucket that can be restored. Times in milliseconds since 1970. */
export interface SoftDeletedBucket extends Bucket {
  readonly softDeleted: {readonly at: number; readonly until: number}
}

/** Whether a bucket has a hierarchical namespace. */
export function hasFolders({fields}: Pick<Bucket, 'fields'>): boolean {
  const namespace = fields['hierarchicalNamespace']
  return isJsonObject(namespace) && namespace['enabled'] === true
}

/** Whether a replaced or deleted object is kept as a noncurrent version. */
export function keepsVersions(bucket: Bucket): boolean {
  const versioning = bucket.fields['versioning']
  return isJsonObject(versioning) && versioning['enabled'] === true
}
