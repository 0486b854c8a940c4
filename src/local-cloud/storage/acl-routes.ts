import type {JsonObject} from '../wire/json.ts'
import type {HttpRequest, HttpResponse} from '../wire/routes.ts'
import {type AclEntry, aclEntry, type AclKind, type Acls} from './acl.ts'
import type {AclLists, AclSubject} from './acl-lists.ts'
import {StorageError} from './errors.ts'
import type {JsonRoute} from './json-routes.ts'
import {refusePublic} from './public-access.ts'

const PATHS: Readonly<Record<AclKind, string>> = {
  bucket: '/b/:bucket/acl',
  defaultObject: '/b/:bucket/defaultObjectAcl',
  object: '/b/:bucket/o/:object/acl',
}

/**
 * Access control lists of buckets, new objects and objects:
 * https://cloud.google.com/storage/docs/json_api/v1/bucketAccessControls
 */
export function aclRoutes({lists, acls}: {lists: AclLists; acls: Acls}): JsonRoute[] {
  const routesOf = (kind: AclKind): JsonRoute[] => {
    const json = (request: HttpRequest, {bucket, object}: AclSubject, entry: AclEntry): JsonObject =>
      acls.json(kind, entry, {bucket, ...(object ? {object} : {}), origin: request.call.origin})

    const entryOf = ({params}: HttpRequest, {bucket, entries}: AclSubject): AclEntry => {
      const entry = entries.find(({entity}) => entity === params['entity'])
      if (entry !== undefined) return entry
      throw new StorageError(
        404,
        'notFound',
        `The specified access control entry does not exist: ${params['entity']} of ${bucket.name}`,
      )
    }

    const list = (request: HttpRequest): HttpResponse => {
      const subject = lists.find(kind, request, 'getIamPolicy')
      const items = subject.entries.map((entry) => json(request, subject, entry))
      return {
        json: {
          kind: kind === 'bucket' ? 'storage#bucketAccessControls' : 'storage#objectAccessControls',
          ...(items.length > 0 ? {items} : {}),
        },
      }
    }

    const get = (request: HttpRequest): HttpResponse => {
      const subject = lists.find(kind, request, 'getIamPolicy')
      return {json: json(request, subject, entryOf(request, subject))}
    }

    /** Sets an entry, the named one or a new one; only PATCH needs one that is there. */
    const set = async (request: HttpRequest): Promise<HttpResponse> => {
      const subject = lists.find(kind, request, 'setIamPolicy')
      const {entity} = request.params
      const named =
        request.method === 'PATCH' ? entryOf(request, subject) : entity === undefined ? {} : {entity}
      const entry = aclEntry(kind, {...named, ...(await request.json())})
      refusePublic(subject.bucket.fields, [entry.entity])
      const others = subject.entries.filter((other) => other.entity !== entry.entity)
      await lists.save(kind, request, subject, [...others, entry])
      return {json: json(request, subject, entry)}
    }

    const remove = async (request: HttpRequest): Promise<HttpResponse> => {
      const subject = lists.find(kind, request, 'setIamPolicy')
      const entry = entryOf(request, subject)
      await lists.save(
        kind,
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
