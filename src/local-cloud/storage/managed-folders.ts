import type {AccessControl} from '../iam/access.ts'
import type {Row} from '../state/rows.ts'
import type {State} from '../state/state.ts'
import type {Clock} from '../wire/clock.ts'
import type {JsonObject} from '../wire/json.ts'
import {pageByKey, pageRequestOf} from '../wire/paging.ts'
import type {HttpRequest, HttpResponse} from '../wire/routes.ts'
import {isUniform} from './acl.ts'
import type {Bucket} from './bucket.ts'
import type {Buckets} from './buckets.ts'
import {conflict, invalid, missingParameter, StorageError} from './errors.ts'
import type {JsonRoute} from './json-routes.ts'
import {checkObjectName, LAST_CHARACTER} from './names.ts'
import type {Objects} from './objects.ts'
import {managedFolderResource, type Permissions} from './permissions.ts'
import {flag} from './query.ts'

const PAGES = {usual: 1000, largest: 1000}

/** The slash at the end may be left out, as Google's system tests of its client for Python do. */
export const withSlash = (name: string): string => (name.endsWith('/') ? name : `${name}/`)

/** Folders of a bucket that have policies of their own: https://cloud.google.com/storage/docs/managed-folders */
export interface ManagedFolders {
  readonly routes: readonly JsonRoute[]
  /** @throws StorageError 404 */
  get(bucket: string, name: string): void
  /** Common prefixes of a list by `/` that the names of managed folders have, in their order. */
  prefixes(bucket: string, prefix: string): string[]
  /** Removes those of a deleted bucket with their policies; inside a `State.write`. */
  forget(bucket: string): void
}

export function createManagedFolders({
  state,
  clock,
  buckets,
  objects,
  permissions,
  access,
}: {
  state: State
  clock: Clock
  buckets: Buckets
  objects: Objects
  permissions: Permissions
  access: AccessControl
}): ManagedFolders {
  const {database} = state
  const select = database.prepare('SELECT * FROM storage_managed_folders WHERE bucket = ? AND name = ?')
  const selectFrom = database.prepare(
    `SELECT * FROM storage_managed_folders WHERE bucket = ? AND name >= ? AND name < ? AND name > ?
     ORDER BY name LIMIT ?`,
  )
  const insertRow = database.prepare(
    'INSERT INTO storage_managed_folders (bucket, name, time_created) VALUES (?, ?, ?)',
  )
  const removeRow = database.prepare('DELETE FROM storage_managed_folders WHERE bucket = ? AND name = ?')

  const under = (bucket: string, prefix: string, after: string, limit: number): Row[] =>
    selectFrom.all(bucket, prefix, `${prefix}${LAST_CHARACTER}`, after, limit)
  const drop = (bucket: string, name: string): void => {
    removeRow.run(bucket, name)
    access.dropPolicy(managedFolderResource(bucket, name))
  }
  const find = (bucket: string, name: string): Row => {
    const row = select.get(bucket, name)
    if (row === undefined)
      throw new StorageError(404, 'notFound', `The managed folder ${bucket}/${name} does not exist.`)
    return row
  }
  const bucketOf = ({params}: HttpRequest): Bucket => buckets.get(params['bucket'] ?? '')
  const named = (request: HttpRequest, verb: 'get' | 'delete'): {bucket: string; name: string} => {
    const {name: bucket} = bucketOf(request)
    const name = withSlash(request.params['managedFolder'] ?? '')
    permissions.requireOnManagedFolder(request.call.principal, `storage.managedFolders.${verb}`, bucket, name)
    return {bucket, name}
  }

  const insert = async (request: HttpRequest): Promise<HttpResponse> => {
    const {name: bucket, fields} = bucketOf(request)
    const {name: given} = await request.json()
    if (typeof given !== 'string' || given === '') throw missingParameter('name')
    const name = withSlash(given)
    checkObjectName(name)
    permissions.requireOnManagedFolder(request.call.principal, 'storage.managedFolders.create', bucket, name)
    if (!isUniform(fields))
      throw invalid('Managed folders need a bucket with uniform bucket-level access enabled.')
    await state.write(() => {
      if (select.get(bucket, name) !== undefined)
        throw conflict(`The managed folder ${bucket}/${name} already exists.`, 'ManagedFolderAlreadyExists')
      insertRow.run(bucket, name, clock.now())
    })
    return {json: folderJson(find(bucket, name), request.call.origin)}
  }

  const get = (request: HttpRequest): HttpResponse => {
    const {bucket, name} = named(request, 'get')
    return {json: folderJson(find(bucket, name), request.call.origin)}
  }

  const remove = async (request: HttpRequest): Promise<HttpResponse> => {
    const {bucket, name} = named(request, 'delete')
    const allowNonEmpty = flag(request.url.searchParams, 'allowNonEmpty')
    await state.write(() => {
      find(bucket, name)
      const range = {from: name, generation: 0, to: `${name}${LAST_CHARACTER}`}
      const isEmpty =
        objects.versions(bucket).rows(range, 1).length === 0 && under(bucket, name, name, 1).length === 0
      if (!isEmpty && !allowNonEmpty)
        throw conflict('The managed folder you tried to delete is not empty.', 'ManagedFolderNotEmpty')
      drop(bucket, name)
    })
    return {status: 204}
  }

  const list = (request: HttpRequest): HttpResponse => {
    const {name: bucket} = bucketOf(request)
    permissions.requireOnBucket(request.call.principal, 'storage.managedFolders.list', bucket)
    const query = request.url.searchParams
    const prefix = query.get('prefix') ?? ''
    const {items, next} = pageByKey(
      pageRequestOf(query),
      PAGES,
      (after, limit) => under(bucket, prefix, after, limit),
      ({name}) => String(name),
    )
    return {
      json: {
        kind: 'storage#managedFolders',
        ...next,
        ...(items.length > 0 ? {items: items.map((row) => folderJson(row, request.call.origin))} : {}),
      },
    }
  }

  return {
    routes: [
      ['POST', '/b/:bucket/managedFolders', insert],
      ['GET', '/b/:bucket/managedFolders', list],
      ['GET', '/b/:bucket/managedFolders/:managedFolder', get],
      ['DELETE', '/b/:bucket/managedFolders/:managedFolder', remove],
    ],
    get: (bucket, name) => void find(bucket, name),
    prefixes(bucket, prefix) {
      const names = under(bucket, prefix, prefix, -1).map(({name}) => String(name))
      return [...new Set(names.map((name) => name.slice(0, name.indexOf('/', prefix.length) + 1)))]
    },
    forget(bucket) {
      for (const {name} of under(bucket, '', '', -1)) drop(bucket, String(name))
    },
  }
}

/** https://cloud.google.com/storage/docs/json_api/v1/managedFolder */
function folderJson({bucket, name, time_created: created}: Row, origin: string): JsonObject {
  const path = `${encodeURIComponent(String(bucket))}/managedFolders/${encodeURIComponent(String(name))}`
  const time = new Date(Number(created)).toISOString()
  return {
    kind: 'storage#managedFolder',
    id: `${String(bucket)}/${String(name)}`,
    selfLink: `${origin}/storage/v1/b/${path}`,
    name,
    bucket,
    metageneration: '1',
    createTime: time,
    updateTime: time,
  }
}
