import type {State} from '../state/state.ts'
import type {JsonObject} from '../wire/json.ts'
import type {HttpRequest, HttpResponse} from '../wire/routes.ts'
import {type AclEntry, aclEntry, type AclKind, type Acls, isUniform, refuseUniform} from './acl.ts'
import type {Bucket} from './bucket.ts'
import type {Buckets} from './buckets.ts'
import {StorageError} from './errors.ts'
import type {JsonRoute} from './json-routes.ts'
import type {ObjectChanges} from './object-changes.ts'
import type {StoredObject} from './stored-object.ts'
import type {Objects} from './objects.ts'
import type {Permissions} from './permissions.ts'
import {refusePublic} from './public-access.ts'
import {wholeNumber} from './query.ts'

/** The list that a request is about, and what it belongs to. */
interface Subject {
  readonly bucket: Bucket
  readonly object?: StoredObject
  readonly entries: readonly AclEntry[]
}

const PATHS: Readonly<Record<AclKind, string>> = {
  bucket: '/b/:bucket/acl',
  defaultObject: '/b/:bucket/defaultObjectAcl',
  object: '/b/:bucket/o/:object/acl',
}

/**
 * Access control lists of buckets, new objects and objects:
 * https://cloud.google.com/storage/docs/json_api/v1/bucketAccessControls
 */
export function aclRoutes({
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
}): JsonRoute[] {
  const routesOf = (kind: AclKind): JsonRoute[] => {
    const find = ({params, url, call}: HttpRequest, verb: 'getIamPolicy' | 'setIamPolicy'): Subject => {
      const bucket = buckets.get(params['bucket'] ?? '')
      if (kind === 'object')
        permissions.requireOnObjects(call.principal, `storage.objects.${verb}`, bucket.name, params['object'])
      else permissions.requireOnBucket(call.principal, `storage.buckets.${verb}`, bucket.name)
      if (isUniform(bucket.fields)) throw refuseUniform(kind)
      if (kind !== 'object') return {bucket, entries: acls.entries(kind, bucket)}
      const generation = wholeNumber(url.searchParams, 'generation')
      const object = objects.get(bucket.name, params['object'] ?? '', generation)
      return {bucket, object, entries: acls.entries(kind, bucket, object)}
    }

    const save = async (request: HttpRequest, {bucket, object}: Subject, acl: AclEntry[]): Promise<void> => {
      if (object !== undefined) {
        const {name, generation, metageneration} = object
        const preconditions = {metagenerationMatch: metageneration}
        const target = {bucket: bucket.name, name, generation, preconditions, origin: request.call.origin}
        await changes.changeMetadata(target, (present) => ({...present, acl}))
        return
      }
      const field = kind === 'bucket' ? 'acl' : 'defaultObjectAcl'
      await state.write(() => {
        const present = buckets.get(bucket.name)
        buckets.replaceFields(present, {...present.fields, [field]: acl})
      })
    }

    const json = (request: HttpRequest, {bucket, object}: Subject, entry: AclEntry): JsonObject =>
      acls.json(kind, entry, {bucket, ...(object ? {object} : {}), origin: request.call.origin})

    const entryOf = ({params}: HttpRequest, {bucket, entries}: Subject): AclEntry => {
      const entry = entries.find(({entity}) => entity === params['entity'])
      if (entry !== undefined) return entry
      throw new StorageError(
        404,
        'notFound',
        `The specified access control entry does not exist: ${params['entity']} of ${bucket.name}`,
      )
    }

    const list = (request: HttpRequest): HttpResponse => {
      const subject = find(request, 'getIamPolicy')
      const items = subject.entries.map((entry) => json(request, subject, entry))
      return {
        json: {
          kind: kind === 'bucket' ? 'storage#bucketAccessControls' : 'storage#objectAccessControls',
          ...(items.length > 0 ? {items} : {}),
        },
      }
    }

    const get = (request: HttpRequest): HttpResponse => {
      const subject = find(request, 'getIamPolicy')
      return {json: json(request, subject, entryOf(request, subject))}
    }

    /** Sets an entry, the named one or a new one; only PATCH needs one that is there. */
    const set = async (request: HttpRequest): Promise<HttpResponse> => {
      const subject = find(request, 'setIamPolicy')
      const {entity} = request.params
      const named =
        request.method === 'PATCH' ? entryOf(request, subject) : entity === undefined ? {} : {entity}
      const entry = aclEntry(kind, {...named, ...(await request.json())})
      refusePublic(subject.bucket.fields, [entry.entity])
      const others = subject.entries.filter((other) => other.entity !== entry.entity)
      await save(request, subject, [...others, entry])
      return {json: json(request, subject, entry)}
    }

    const remove = async (request: HttpRequest): Promise<HttpResponse> => {
      const subject = find(request, 'setIamPolicy')
      const entry = entryOf(request, subject)
      await save(
        request,
        subject,
        subject.entries.filter((other) => other !== entry),
      )
      return {status: 204}
    }

    const path = PATHS[kind]
    return [
      ['GET', path, list],
      ['POST', path, set],
      ['GET', `${path}/:entity`, get],
      ['PATCH', `${path}/:entity`, set],
      ['PUT', `${path}/:entity`, set],
      ['DELETE', `${path}/:entity`, remove],
    ]
  }
  return [...routesOf('bucket'), ...routesOf('defaultObject'), ...routesOf('object')]
}
