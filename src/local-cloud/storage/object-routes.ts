import type {State} from '../state/state.ts'
import type {Clock} from '../wire/clock.ts'
import type {JsonObject} from '../wire/json.ts'
import type {HttpRequest, HttpResponse} from '../wire/routes.ts'
import type {Acls} from './acl.ts'
import type {Buckets} from './buckets.ts'
import {downloadObject} from './download.ts'
import {checkKey, keptEncryption, withoutHashes} from './encryption.ts'
import {invalid, missingParameter, objectNotFound, renderMediaError} from './errors.ts'
import {objectEtag} from './etag.ts'
import type {JsonRoute} from './json-routes.ts'
import {mergePatch} from './json.ts'
import {listBytes, listObjects} from './listing.ts'
import {compareNames} from './names.ts'
import type {ObjectChanges, ObjectTarget} from './object-changes.ts'
import {contentOfObject, restoredFields} from './object-draft.ts'
import {objectRenderer, type RenderObject, restoreToken, writableObjectFields} from './object-resource.ts'
import type {StoredObject} from './stored-object.ts'
import type {Objects, ObjectSource} from './objects.ts'
import type {Folders} from './folders.ts'
import type {ManagedFolders} from './managed-folders.ts'
import {readPageToken} from '../wire/paging.ts'
import {membersWanted, partOf, partsWanted} from './partial-response.ts'
import type {Permissions} from './permissions.ts'
import {checkEtags, checkForRead, readPreconditions} from './preconditions.ts'
import {flag, wantsAcl, wholeNumber} from './query.ts'
import {requireSoftDelete, type SoftDeletedObjects} from './soft-deleted.ts'

type Handler = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>

/** Objects that are there: https://cloud.google.com/storage/docs/json_api/v1/objects */
export function objectRoutes({
  state,
  clock,
  buckets,
  objects,
  softDeleted,
  changes,
  permissions,
  acls,
  managedFolders,
  folders,
  render,
}: {
  state: State
  clock: Clock
  buckets: Buckets
  objects: Objects
  softDeleted: SoftDeletedObjects
  changes: ObjectChanges
  permissions: Permissions
  acls: Acls
  managedFolders: Pick<ManagedFolders, 'prefixes'>
  folders: Pick<Folders, 'prefixes'>
  render: RenderObject
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
    permissions.requireOnObjects(request.call.principal, permission, name, request.params['object'])
    return name
  }

  const readable = (request: HttpRequest): StoredObject => {
    permit(request, 'storage.objects.get')
    const {bucket, name, generation, preconditions} = target(request)
    const object = objects.get(bucket, name, generation)
    checkForRead(preconditions, object)
    checkEtags(request.headers, objectEtag(object))
    return object
  }

  const download: Handler = (request) => {
    try {
      const object = readable(request)
      checkKey(object, request.headers)
      return downloadObject(state.blobs, object, request.headers)
    } catch (error) {
      return renderMediaError(error)
    }
  }

  const get: Handler = (request) => {
    if (request.url.searchParams.get('alt') === 'media') return download(request)
    const object = flag(request.url.searchParams, 'softDeleted') ? restorable(request) : readable(request)
    const withAcl = wantsAcl(request.url.searchParams, false)
    const json = render(object, request.call.origin, withAcl)
    const secret = object.fields['customerEncryption'] !== undefined
    if (!secret) return {headers: {etag: objectEtag(object)}, json}
    const hasKey = request.headers['x-goog-encryption-key'] !== undefined
    if (hasKey) checkKey(object, request.headers)
    return {headers: {etag: objectEtag(object)}, json: hasKey ? json : withoutHashes(json)}
  }

  /** The soft-deleted generation that is named. @throws StorageError 400, 404, 412 */
  const restorable = (request: HttpRequest): StoredObject => {
    const bucket = permit(request, 'storage.objects.get')
    const {name, generation} = target(request)
    if (generation === undefined) throw missingParameter('generation')
    requireSoftDelete(buckets.get(bucket))
    const object = softDeleted.find(bucket, name, generation, clock.now())
    const token = request.url.searchParams.get('restoreToken')
    if (object === undefined || (token !== null && token !== restoreToken(object)))
      throw objectNotFound(bucket, name)
    return object
  }

  /** A copy of a soft-deleted generation, which stays where it is: https://cloud.google.com/storage/docs/use-soft-deleted-objects */
  const restore: Handler = async (request) => {
    permit(request, 'storage.objects.restore')
    const object = restorable(request)
    const {bucket, name} = object
    const draft = {
      bucket,
      name,
      fields: restoredFields(object),
      preconditions: readPreconditions(request.url.searchParams),
      principal: request.call.principal,
      origin: request.call.origin,
    }
    const stored = await changes.store(draft, () => contentOfObject(restorable(request)))
    return {json: render(stored, request.call.origin)}
  }

  const list: Handler = (request) => {
    const query = request.url.searchParams
    const bucket = permit(request, 'storage.objects.list')
    const inBucket = buckets.get(bucket)
    const withAcl = wantsAcl(query, false)
    const fields = query.get('fields') ?? ''
    const members = withAcl ? undefined : membersWanted(fields, 'items')
    const json: (object: StoredObject) => JsonObject = withAcl
      ? (object) => render(object, request.call.origin, withAcl)
      : objectRenderer(request.call.origin, inBucket, members)
    if (flag(query, 'softDeleted')) requireSoftDelete(inBucket)
    const bytes = withAcl
      ? undefined
      : listBytes(sourceOf(bucket, query), query, partsWanted(fields, 'items'))
    if (bytes !== undefined) {
      const {nextPageToken, items: listed} = bytes
      const rest = {kind: 'storage#objects', ...(nextPageToken === undefined ? {} : {nextPageToken})}
      const outer = JSON.stringify(partOf(rest, fields)).slice(1, -1)
      const around = listed.length === 0 ? ['', ''] : [outer === '' ? '"items":[' : ',"items":[', ']']
      return {
        headers: {'content-type': 'application/json; charset=UTF-8'},
        body: Buffer.concat([Buffer.from(`{${outer}${around[0]}`), listed, Buffer.from(`${around[1]}}`)]),
      }
    }
    const {items, prefixes: ofObjects, nextPageToken} = listObjects(sourceOf(bucket, query), query)
    const prefixes = [...new Set([...ofObjects, ...folderPrefixes(bucket, query, nextPageToken)])].toSorted(
      compareNames,
    )
    return {
      json: {
        kind: 'storage#objects',
        ...(nextPageToken === undefined ? {} : {nextPageToken}),
        ...(prefixes.length > 0 ? {prefixes} : {}),
        ...(items.length > 0 ? {items: items.map(json)} : {}),
      },
    }
  }

  /**
   * The folders that belong to a page of a list; what they add does not count for its size. One that is a common prefix
   * of objects is where they are: on the page that begins with one of them.
   */
  const folderPrefixes = (bucket: string, query: URLSearchParams, next: string | undefined): string[] => {
    if (query.get('delimiter') !== '/' || !flag(query, 'includeFoldersAsPrefixes')) return []
    const [from, to] = [query.get('pageToken') ?? '', next ?? ''].map(positionOf)
    const prefix = query.get('prefix') ?? ''
    return [...managedFolders.prefixes(bucket, prefix), ...folders.prefixes(bucket, prefix)].filter(
      (each) =>
        (from === undefined || compareNames(each, from) >= 0 || from.startsWith(each)) &&
        (to === undefined || (compareNames(each, to) < 0 && !to.startsWith(each))),
    )
  }

  /** What is to be listed. @throws StorageError 400 */
  const sourceOf = (bucket: string, query: URLSearchParams): ObjectSource => {
    const versions = flag(query, 'versions')
    if (!flag(query, 'softDeleted')) return objects[versions ? 'versions' : 'live'](bucket)
    if (versions) throw invalid('The parameters versions and softDeleted exclude each other.')
    const rows: ObjectSource['rows'] = (range, count) => softDeleted.page(bucket, range, count, clock.now())
    return {
      rows,
      keys: rows,
      row: ({name, generation}) => softDeleted.find(bucket, name, generation, clock.now()),
    }
  }

  const change = async (
    request: HttpRequest,
    merge: (present: JsonObject, body: JsonObject) => JsonObject,
  ) => {
    permit(request, 'storage.objects.update')
    const bucket = buckets.get(request.params['bucket'] ?? '')
    const predefined = request.url.searchParams.get('predefinedAcl') ?? ''
    const body = await request.json()
    const override = flag(request.url.searchParams, 'overrideUnlockedRetention')
    const changed = await changes.changeMetadata(
      target(request),
      (present) => {
        const {owner} = present
        const acl = predefined === '' ? {} : {acl: acls.predefined('object', predefined, bucket, owner)}
        return changedFields(present, {...merge(present, body), ...acl})
      },
      override,
    )
    return {json: render(changed, request.call.origin, wantsAcl(request.url.searchParams, true))}
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
      ['HEAD', '/b/:bucket/o/:object', get],
      ['PATCH', '/b/:bucket/o/:object', (request) => change(request, mergePatch)],
      ['PUT', '/b/:bucket/o/:object', (request) => change(request, (_present, body) => body)],
      ['DELETE', '/b/:bucket/o/:object', remove],
      ['POST', '/b/:bucket/o/:object/restore', restore],
    ],
    download,
  }
}

/** The name that a page of a list begins with; `undefined` for the first one. */
function positionOf(token: string): string | undefined {
  const position = readPageToken(token)
  const [name]: unknown[] = Array.isArray(position) ? position : []
  return typeof name === 'string' ? name : undefined
}

/**
 * What a change leaves: a rewrite alone changes the class, and a custom time only rises.
 * https://cloud.google.com/storage/docs/metadata#custom-time
 * @throws StorageError 400
 */
function changedFields(present: JsonObject, changed: JsonObject): JsonObject {
  const {storageClass, kmsKeyName, customTime, owner} = present
  const fields: JsonObject = {
    ...writableObjectFields({...changed, storageClass: storageClass ?? null}),
    ...(kmsKeyName === undefined ? {} : {kmsKeyName}),
    ...(owner === undefined ? {} : {owner}),
    ...keptEncryption({fields: present}),
  }
  if (typeof customTime === 'string' && !(Date.parse(String(fields['customTime'])) >= Date.parse(customTime)))
    throw invalid(`The customTime ${customTime} can be neither removed nor set to an earlier time.`)
  return fields
}
