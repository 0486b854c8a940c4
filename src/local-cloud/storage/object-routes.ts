import type {State} from '../state/state.ts'
import type {JsonObject} from '../wire/json.ts'
import type {HttpRequest, HttpResponse} from '../wire/routes.ts'
import type {Buckets} from './buckets.ts'
import {downloadObject} from './download.ts'
import {renderMediaError} from './errors.ts'
import {objectEtag} from './etag.ts'
import type {JsonRoute} from './json-routes.ts'
import {mergePatch} from './json.ts'
import {listObjects} from './listing.ts'
import type {ObjectChanges, ObjectTarget} from './object-changes.ts'
import {objectJson, writableObjectFields, type StoredObject} from './object-resource.ts'
import type {Objects} from './objects.ts'
import type {Permissions} from './permissions.ts'
import {checkForRead, readPreconditions} from './preconditions.ts'
import {refuseParameters, wholeNumber} from './query.ts'

type Handler = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>

/** Objects that are there: https://cloud.google.com/storage/docs/json_api/v1/objects */
export function objectRoutes({
  state,
  buckets,
  objects,
  changes,
  permissions,
}: {
  state: State
  buckets: Buckets
  objects: Objects
  changes: ObjectChanges
  permissions: Permissions
}): {json: JsonRoute[]; download: Handler} {
  const target = (request: HttpRequest): ObjectTarget => ({
    bucket: request.params['bucket'] ?? '',
    name: request.params['object'] ?? '',
    generation: wholeNumber(request.url.searchParams, 'generation'),
    preconditions: readPreconditions(request.url.searchParams),
    origin: request.call.origin,
  })

  const permit = (request: HttpRequest, permission: string): string => {
    const {name} = buckets.get(request.params['bucket'] ?? '')
    permissions.requireOnObjects(request.call.principal, permission, name)
    return name
  }

  const readable = (request: HttpRequest): StoredObject => {
    permit(request, 'storage.objects.get')
    const {bucket, name, generation, preconditions} = target(request)
    const object = objects.get(bucket, name, generation)
    checkForRead(preconditions, object)
    return object
  }

  const download: Handler = (request) => {
    try {
      return downloadObject(state.blobs, readable(request), request.headers)
    } catch (error) {
      return renderMediaError(error)
    }
  }

  const get: Handler = (request) => {
    if (request.url.searchParams.get('alt') === 'media') return download(request)
    const object = readable(request)
    return {headers: {etag: objectEtag(object)}, json: objectJson(object, request.call.origin)}
  }

  const list: Handler = (request) => {
    const query = request.url.searchParams
    refuseParameters(query, ['matchGlob', 'softDeleted', 'filter'])
    const bucket = permit(request, 'storage.objects.list')
    const {items, prefixes, nextPageToken} = listObjects(objects, bucket, query)
    return {
      json: {
        kind: 'storage#objects',
        ...(nextPageToken === undefined ? {} : {nextPageToken}),
        ...(prefixes.length > 0 ? {prefixes} : {}),
        ...(items.length > 0 ? {items: items.map((object) => objectJson(object, request.call.origin))} : {}),
      },
    }
  }

  const change = async (
    request: HttpRequest,
    merge: (present: JsonObject, body: JsonObject) => JsonObject,
  ) => {
    refuseParameters(request.url.searchParams, ['predefinedAcl'])
    permit(request, 'storage.objects.update')
    const body = await request.json()
    const changed = await changes.changeMetadata(target(request), (present) =>
      writableObjectFields(merge(present, body)),
    )
    return {json: objectJson(changed, request.call.origin)}
  }

  const remove: Handler = async (request) => {
    permit(request, 'storage.objects.delete')
    await changes.remove(target(request))
    return {status: 204}
  }

  return {
    json: [
      ['GET', '/b/:bucket/o', list],
      ['GET', '/b/:bucket/o/:object', get],
      ['PATCH', '/b/:bucket/o/:object', (request) => change(request, mergePatch)],
      ['PUT', '/b/:bucket/o/:object', (request) => change(request, keepStorageClass)],
      ['DELETE', '/b/:bucket/o/:object', remove],
    ],
    download,
  }
}

/** A full replacement leaves the storage class, which only a rewrite changes. */
function keepStorageClass({storageClass}: JsonObject, body: JsonObject): JsonObject {
  return {...(storageClass === undefined ? {} : {storageClass}), ...body}
}
