import type {BlobInfo} from '../state/blobs.ts'
import type {State} from '../state/state.ts'
import type {Principal} from '../wire/call.ts'
import type {Clock} from '../wire/clock.ts'
import type {JsonObject} from '../wire/json.ts'
import {keepsVersions, type Bucket} from './bucket-resource.ts'
import type {Buckets} from './buckets.ts'
import type {Notifications} from './notifications.ts'
import type {StoredObject} from './object-resource.ts'
import type {Objects} from './objects.ts'
import type {Permissions} from './permissions.ts'
import {checkForChange, type Preconditions} from './preconditions.ts'

/** An object about to be stored. Plain JSON, since upload sessions keep it. */
export interface ObjectDraft {
  readonly bucket: string
  readonly name: string
  readonly fields: JsonObject
  readonly preconditions: Preconditions
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

export const contentOfBlob = (blob: BlobInfo): Content => ({
  blob: blob.id,
  sizeBytes: blob.sizeBytes,
  md5: blob.md5,
  crc32c: blob.crc32c,
  componentCount: undefined,
})

/**
 * Changes of objects. Each is one transaction with its events; preconditions and grants are checked in it, so that
 * of two writers with `ifGenerationMatch=0` one wins. Unreferenced bytes are removed after the commit; a
 * reader keeps its open file.
 */
export interface ObjectChanges {
  /**
   * What can be refused before the bytes come.
   * @throws StorageError 404 no such bucket, 403, 412
   */
  checkDraft(draft: ObjectDraft): void
  /**
   * Stores an object as the live version.
   * @param content the bytes, requested inside the transaction
   * @param also runs in the same transaction
   * @throws as `checkDraft`
   */
  store(
    draft: ObjectDraft,
    content: () => Content,
    also?: (object: StoredObject) => void,
  ): Promise<StoredObject>
  /** Replaces an object's metadata by what `change` makes of the present. @throws StorageError 404, 412 */
  changeMetadata(target: ObjectTarget, change: (present: JsonObject) => JsonObject): Promise<StoredObject>
  /**
   * Deletes a version, or the live object: in a bucket that keeps versions that one becomes noncurrent.
   * @throws StorageError 404, 412
   */
  remove(target: ObjectTarget): Promise<void>
}

export interface ObjectTarget {
  readonly bucket: string
  readonly name: string
  readonly generation: number | undefined
  readonly preconditions: Preconditions
  readonly origin: string
}

export function createObjectChanges({
  state,
  clock,
  buckets,
  objects,
  permissions,
  notifications,
  nextGeneration,
}: {
  state: State
  clock: Clock
  buckets: Buckets
  objects: Objects
  permissions: Permissions
  notifications: Notifications
  nextGeneration: () => number
}): ObjectChanges {
  const checkDraft = (draft: ObjectDraft): {bucket: Bucket; replaced: StoredObject | undefined} => {
    const bucket = buckets.get(draft.bucket)
    permissions.requireOnObjects(draft.principal, 'storage.objects.create', bucket.name)
    const replaced = objects.find(bucket.name, draft.name)
    checkForChange(draft.preconditions, replaced)
    // "To overwrite existing objects, the storage.objects.delete permission is also required."
    // https://cloud.google.com/storage/docs/access-control/iam-json
    if (replaced) permissions.requireOnObjects(draft.principal, 'storage.objects.delete', bucket.name)
    return {bucket, replaced}
  }

  /** Takes the live version away, or keeps it as a noncurrent one. @returns the blob to be removed */
  const retire = (
    bucket: Bucket,
    object: StoredObject,
    context: {origin: string; overwrittenByGeneration?: number},
  ): string | undefined => {
    const archived = keepsVersions(bucket)
    const retired = {...object, timeDeleted: clock.now()}
    const {origin, ...overwritten} = context
    let freed: string | undefined
    if (archived) objects.update(retired)
    else freed = objects.remove(object)
    const type = archived ? 'OBJECT_ARCHIVE' : 'OBJECT_DELETE'
    notifications.publish(bucket, {type, object: retired, ...overwritten}, origin)
    return freed
  }

  /** After the commit nothing may fail any more; a file that stays is swept at the next start. */
  const removeBlob = async (blob: string | undefined): Promise<void> => {
    if (blob !== undefined) await state.blobs.remove(blob).catch(() => undefined)
  }

  return {
    checkDraft,

    async store(draft, content, also) {
      const outcome = await state.write(() => {
        const {bucket, replaced} = checkDraft(draft)
        const now = clock.now()
        const stored: StoredObject = {
          bucket: bucket.name,
          name: draft.name,
          generation: nextGeneration(),
          metageneration: 1,
          ...content(),
          timeCreated: now,
          updated: now,
          timeDeleted: undefined,
          fields: withStorageClass(draft.fields, bucket),
        }
        const {generation} = stored
        const freed = replaced
          ? retire(bucket, replaced, {origin: draft.origin, overwrittenByGeneration: generation})
          : undefined
        objects.insert(stored)
        const overwrote = replaced ? {overwroteGeneration: replaced.generation} : {}
        notifications.publish(bucket, {type: 'OBJECT_FINALIZE', object: stored, ...overwrote}, draft.origin)
        also?.(stored)
        return {stored, freed: freed === stored.blob ? undefined : freed}
      })
      await removeBlob(outcome.freed)
      return outcome.stored
    },

    changeMetadata: ({bucket, name, generation, preconditions, origin}, change) =>
      state.write(() => {
        const present = objects.get(bucket, name, generation)
        checkForChange(preconditions, present)
        const changed = {
          ...present,
          metageneration: present.metageneration + 1,
          updated: clock.now(),
          fields: change(present.fields),
        }
        objects.update(changed)
        notifications.publish(buckets.get(bucket), {type: 'OBJECT_METADATA_UPDATE', object: changed}, origin)
        return changed
      }),

    async remove({bucket: bucketName, name, generation, preconditions, origin}) {
      const freed = await state.write(() => {
        const bucket = buckets.get(bucketName)
        const object = objects.get(bucketName, name, generation)
        checkForChange(preconditions, object)
        if (generation === undefined) return retire(bucket, object, {origin})
        const blob = objects.remove(object)
        const deleted = {...object, timeDeleted: object.timeDeleted ?? clock.now()}
        notifications.publish(bucket, {type: 'OBJECT_DELETE', object: deleted}, origin)
        return blob
      })
      await removeBlob(freed)
    },
  }
}

/** An object has the storage class of its bucket unless it was given one. */
function withStorageClass(fields: JsonObject, bucket: Bucket): JsonObject {
  const ofBucket = bucket.fields['storageClass']
  return ofBucket === undefined || fields['storageClass'] !== undefined
    ? fields
    : {...fields, storageClass: ofBucket}
}
