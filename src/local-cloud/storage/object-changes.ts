import type {State} from '../state/state.ts'
import type {Clock} from '../wire/clock.ts'
import type {JsonObject} from '../wire/json.ts'
import {type Acls, bringsList, entitiesOf, isUniform, ownerOf, refuseUniform} from './acl.ts'
import {keepsVersions, type Bucket} from './bucket.ts'
import type {Buckets} from './buckets.ts'
import type {Folders} from './folders.ts'
import type {Notifications} from './notifications.ts'
import {type Content, contentOfObject, fieldsOfNew, type ObjectDraft, withContexts} from './object-draft.ts'
import type {StoredObject} from './stored-object.ts'
import type {Objects} from './objects.ts'
import type {Permissions} from './permissions.ts'
import {checkForChange, type Preconditions} from './preconditions.ts'
import {checkRetentionChange, checkUnprotected} from './protection.ts'
import {refusePublic} from './public-access.ts'
import {softDeleteMs, type SoftDeletedObjects} from './soft-deleted.ts'

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
   * @throws as `checkDraft`; StorageError 403 if the object that it replaces is held or retained
   */
  store(
    draft: ObjectDraft,
    content: () => Content,
    also?: (object: StoredObject) => void,
  ): Promise<StoredObject>
  /**
   * Stores an object with the bytes of another in its bucket, which is gone with it.
   * @throws as `store`; StorageError 403 if the source is held or retained, 404, 412
   */
  move(draft: ObjectDraft, source: ObjectTarget): Promise<StoredObject>
  /**
   * Stores an object in place of others of its bucket, which neither noncurrent versions nor soft delete keep.
   * https://cloud.google.com/storage/docs/composing-objects
   * @throws as `store`; StorageError 403 if one of the others is held or retained
   */
  storeInPlaceOf(
    others: readonly StoredObject[],
    draft: ObjectDraft,
    content: () => Content,
  ): Promise<StoredObject>
  /**
   * Replaces an object's metadata by what `change` makes of the present.
   * @param overrideRetention whether a retention that is not locked may be loosened
   * @throws StorageError 403 if a retention would be loosened, 404, 412
   */
  changeMetadata(
    target: ObjectTarget,
    change: (present: JsonObject) => JsonObject,
    overrideRetention?: boolean,
  ): Promise<StoredObject>
  /**
   * Deletes a version, or the live object: in a bucket that keeps versions that one becomes noncurrent. In a bucket
   * with soft delete a version stays restorable.
   * @throws StorageError 403 if it is held or retained, 404, 412
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
  softDeleted,
  permissions,
  acls,
  notifications,
  folders,
  nextGeneration,
  isOfRetryTest,
}: {
  state: State
  clock: Clock
  buckets: Buckets
  objects: Objects
  softDeleted: SoftDeletedObjects
  permissions: Permissions
  acls: Acls
  notifications: Notifications
  folders: Pick<Folders, 'hold'>
  nextGeneration: () => number
  /** Whether the current call is a retry test's: Google's, written for storage-testbench, delete what they have just retained. */
  isOfRetryTest: () => boolean
}): ObjectChanges {
  const checkDraft = (draft: ObjectDraft): {bucket: Bucket; replaced: StoredObject | undefined} => {
    const bucket = buckets.get(draft.bucket)
    permissions.requireOnObjects(draft.principal, 'storage.objects.create', bucket.name, draft.name)
    checkList(bucket, undefined, draft.fields['acl'])
    if (draft.predefinedAcl !== undefined) acls.predefined('object', draft.predefinedAcl, bucket)
    const replaced = objects.find(bucket.name, draft.name)
    checkForChange(draft.preconditions, replaced)
    // "To overwrite existing objects, the storage.objects.delete permission is also required."
    // https://cloud.google.com/storage/docs/access-control/iam-json
    if (replaced)
      permissions.requireOnObjects(draft.principal, 'storage.objects.delete', bucket.name, draft.name)
    return {bucket, replaced}
  }

  /** The check of the current call, taken before its transaction, which runs in no call. */
  const checkOfCall = (): typeof checkUnprotected => (isOfRetryTest() ? () => {} : checkUnprotected)

  /** Removes a version permanently, or soft-deletes it. @returns the blob to be removed */
  const discard = (bucket: Bucket, object: StoredObject): string | undefined => {
    const keptMs = softDeleteMs(bucket)
    const at = clock.now()
    if (keptMs > 0) softDeleted.insert(object, {at, until: at + keptMs})
    return objects.remove(object)
  }

  /** Takes the live version away, or keeps it as a noncurrent one. @returns the blob to be removed */
  const retire = (
    bucket: Bucket,
    object: StoredObject,
    context: {origin: string; overwrittenByGeneration?: number; checkFree: typeof checkUnprotected},
  ): string | undefined => {
    const archived = keepsVersions(bucket)
    const {origin, checkFree, ...overwritten} = context
    checkFree(bucket, object, clock.now(), archived)
    const retired = {...object, timeDeleted: clock.now()}
    let freed: string | undefined
    if (archived) objects.update(retired)
    else freed = discard(bucket, object)
    const type = archived ? 'OBJECT_ARCHIVE' : 'OBJECT_DELETE'
    notifications.publish(bucket, {type, object: retired, ...overwritten}, origin)
    return freed
  }

  const release = (blob: string | undefined): string | undefined =>
    blob === undefined ? undefined : state.blobs.release(blob)

  /** After the commit nothing may fail any more; a file that stays is swept at the next start. */
  const removeBlob = async (blob: string | undefined): Promise<void> => {
    if (blob !== undefined) await state.blobs.remove(blob).catch(() => undefined)
  }

  const store: ObjectChanges['store'] = async (draft, content, also) => {
    const checkFree = checkOfCall()
    const outcome = await state.write(() => {
      const {bucket, replaced} = checkDraft(draft)
      const now = clock.now()
      const {predefinedAcl: list} = draft
      const owner = ownerOf(draft.principal, bucket)
      const given = {
        ...draft.fields,
        ...(list === undefined ? {} : {acl: acls.predefined('object', list, bucket, owner)}),
        ...(owner === undefined ? {} : {owner}),
      }
      const fields = withContexts({}, fieldsOfNew(given, bucket), now)
      checkRetentionChange(bucket, {present: {}, next: fields, override: false, now})
      const stored: StoredObject = {
        bucket: bucket.name,
        name: draft.name,
        generation: nextGeneration(),
        metageneration: 1,
        ...content(),
        timeCreated: now,
        updated: now,
        timeDeleted: undefined,
        classUpdated: undefined,
        holdReleased: undefined,
        fields,
      }
      const {generation} = stored
      const freed = replaced
        ? retire(bucket, replaced, {origin: draft.origin, overwrittenByGeneration: generation, checkFree})
        : undefined
      objects.insert(stored)
      folders.hold(bucket, stored.name)
      const overwrote = replaced ? {overwroteGeneration: replaced.generation} : {}
      notifications.publish(bucket, {type: 'OBJECT_FINALIZE', object: stored, ...overwrote}, draft.origin)
      also?.(stored)
      return {stored, freed: freed === stored.blob ? undefined : release(freed)}
    })
    objects.inserted(outcome.stored)
    await removeBlob(outcome.freed)
    return outcome.stored
  }

  return {
    checkDraft,
    store,

    move(draft, {bucket, name, preconditions, origin}) {
      const checkFree = checkOfCall()
      const find = (): StoredObject => {
        const source = objects.get(bucket, name)
        checkForChange(preconditions, source)
        return source
      }
      return store(
        draft,
        () => contentOfObject(find()),
        // The bytes stay: the new object has them.
        () => void retire(buckets.get(bucket), find(), {origin, checkFree}),
      )
    },

    async storeInPlaceOf(others, draft, content) {
      const checkFree = checkOfCall()
      const freed: (string | undefined)[] = []
      const stored = await store(draft, content, () => {
        const bucket = buckets.get(draft.bucket)
        const replaced = new Map(others.map((other) => [other.generation, other]))
        for (const {name, generation} of replaced.values()) {
          const object = name === draft.name ? undefined : objects.find(bucket.name, name, generation)
          if (object === undefined) continue
          checkFree(bucket, object, clock.now(), false)
          freed.push(release(objects.remove(object)))
          const deleted = {...object, timeDeleted: object.timeDeleted ?? clock.now()}
          notifications.publish(bucket, {type: 'OBJECT_DELETE', object: deleted}, draft.origin)
        }
      })
      for (const blob of freed) await removeBlob(blob)
      return stored
    },

    changeMetadata: (target, change, overrideRetention = false) =>
      state.write(() => {
        const {name, generation, preconditions, origin} = target
        const bucket = buckets.get(target.bucket)
        const present = objects.get(bucket.name, name, generation)
        checkForChange(preconditions, present)
        const now = clock.now()
        const fields = withContexts(present.fields, change(present.fields), now)
        checkList(bucket, present.fields['acl'], fields['acl'])
        const retentions = {present: present.fields, next: fields, override: overrideRetention, now}
        checkRetentionChange(bucket, retentions)
        const {storageClass, eventBasedHold} = present.fields
        const released = eventBasedHold === true && fields['eventBasedHold'] !== true
        const changed = {
          ...present,
          metageneration: present.metageneration + 1,
          updated: now,
          classUpdated: fields['storageClass'] === storageClass ? present.classUpdated : now,
          holdReleased: released ? now : present.holdReleased,
          fields,
        }
        objects.update(changed)
        notifications.publish(bucket, {type: 'OBJECT_METADATA_UPDATE', object: changed}, origin)
        return changed
      }),

    async remove({bucket: bucketName, name, generation, preconditions, origin}) {
      const checkFree = checkOfCall()
      const freed = await state.write(() => {
        const bucket = buckets.get(bucketName)
        const object = objects.get(bucketName, name, generation)
        checkForChange(preconditions, object)
        if (generation === undefined) return release(retire(bucket, object, {origin, checkFree}))
        checkFree(bucket, object, clock.now(), false)
        const blob = discard(bucket, object)
        const deleted = {...object, timeDeleted: object.timeDeleted ?? clock.now()}
        notifications.publish(bucket, {type: 'OBJECT_DELETE', object: deleted}, origin)
        return release(blob)
      })
      await removeBlob(freed)
    },
  }
}

/** Checks the access control list that an object gets. @throws StorageError 400, 412 if the bucket allows none such */
function checkList(bucket: Bucket, present: unknown, next: unknown): void {
  if (!bringsList(present, next)) return
  if (isUniform(bucket.fields)) throw refuseUniform('object')
  refusePublic(bucket.fields, entitiesOf('object', next))
}
