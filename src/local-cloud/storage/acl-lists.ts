import type {State} from '../state/state.ts'
import type {HttpRequest} from '../wire/routes.ts'
import {type AclEntry, type AclKind, type Acls, isUniform, refuseUniform} from './acl.ts'
import type {Bucket} from './bucket.ts'
import type {Buckets} from './buckets.ts'
import type {ObjectChanges} from './object-changes.ts'
import type {Objects} from './objects.ts'
import type {Permissions} from './permissions.ts'
import {wholeNumber} from './query.ts'
import type {StoredObject} from './stored-object.ts'

/** The list that a request is about, and what it belongs to. */
export interface AclSubject {
  readonly bucket: Bucket
  readonly object?: StoredObject
  readonly entries: readonly AclEntry[]
}

/** Access control lists as requests of both APIs name them, by `bucket`, `object` and `generation`. */
export interface AclLists {
  /** @throws StorageError 403; 404; 400 on a bucket with uniform access */
  find(kind: AclKind, request: HttpRequest, verb: 'getIamPolicy' | 'setIamPolicy'): AclSubject
  /** @throws StorageError 412 if the object changed since it was found */
  save(kind: AclKind, request: HttpRequest, subject: AclSubject, acl: readonly AclEntry[]): Promise<void>
}

export function createAclLists({
  state,
  buckets,
  objects,
  changes,
  permissions,
  acls,
}: {
  state: State
  buckets: Buckets
  objects: Objects
  changes: ObjectChanges
  permissions: Permissions
  acls: Acls
}): AclLists {
  return {
    find(kind, {params, url, call}, verb) {
      const bucket = buckets.get(params['bucket'] ?? '')
      if (kind === 'object')
        permissions.requireOnObjects(call.principal, `storage.objects.${verb}`, bucket.name, params['object'])
      else permissions.requireOnBucket(call.principal, `storage.buckets.${verb}`, bucket.name)
      if (isUniform(bucket.fields)) throw refuseUniform(kind)
      if (kind !== 'object') return {bucket, entries: acls.entries(kind, bucket)}
      const generation = wholeNumber(url.searchParams, 'generation')
      const object = objects.get(bucket.name, params['object'] ?? '', generation)
      return {bucket, object, entries: acls.entries(kind, bucket, object)}
    },

    async save(kind, {call}, {bucket, object}, acl) {
      if (object !== undefined) {
        const {name, generation, metageneration} = object
        const preconditions = {metagenerationMatch: metageneration}
        const target = {bucket: bucket.name, name, generation, preconditions, origin: call.origin}
        await changes.changeMetadata(target, (present) => ({...present, acl}))
        return
      }
      const field = kind === 'bucket' ? 'acl' : 'defaultObjectAcl'
      await state.write(() => {
        const present = buckets.get(bucket.name)
        buckets.replaceFields(present, {...present.fields, [field]: acl})
      })
    },
  }
}
