import type {Operations} from '../operations/operations.ts'
import {integer, type Row, text} from '../state/rows.ts'
import type {State} from '../state/state.ts'
import type {Clock} from '../wire/clock.ts'
import type {JsonObject} from '../wire/json.ts'
import {pageByKey, pageRequestOf} from '../wire/paging.ts'
import type {HttpRequest, HttpResponse} from '../wire/routes.ts'
import {type Bucket, hasFolders} from './bucket.ts'
import type {Buckets} from './buckets.ts'
import {conflict, invalid, notServed, StorageError} from './errors.ts'
import type {JsonRoute} from './json-routes.ts'
import type {ManagedFolders} from './managed-folders.ts'
import {checkObjectName, compareNames, LAST_CHARACTER} from './names.ts'
import type {Objects} from './objects.ts'
import {operationJson} from './operation-resource.ts'
import {bucketResource, type Permissions} from './permissions.ts'
import {checkForChange, readPreconditions} from './preconditions.ts'
import {checkUnprotected} from './protection.ts'
import {flag} from './query.ts'

const PAGES = {usual: 1000, largest: 1000}
/** How many objects are looked at together. */
const BATCH = 1000
const CONTROL = 'google.storage.control.v2'

/** Folders of buckets with hierarchical namespace: https://cloud.google.com/storage/docs/json_api/v1/folders */
export interface Folders {
  readonly routes: readonly JsonRoute[]
  /** Creates those that a new object is in, if its bucket has folders; inside a `State.write`. */
  hold(bucket: Bucket, object: string): void
  /** Common prefixes of a list by `/` that the names of folders have, in their order. */
  prefixes(bucket: string, prefix: string): string[]
  /** @throws StorageError 409 if a bucket has any */
  checkNone(bucket: string): void
}

/** `a/b/c` is in `a/` and `a/b/`. */
const foldersOf = (name: string): string[] =>
  [...name.matchAll(/\//g)].map(({index}) => name.slice(0, index + 1))

export function createFolders({
  state,
  clock,
  buckets,
  objects,
  managedFolders,
  permissions,
  operations,
}: {
  state: State
  clock: Clock
  buckets: Buckets
  objects: Objects
  managedFolders: Pick<ManagedFolders, 'prefixes'>
  permissions: Permissions
  operations: Operations
}): Folders {
  const {database} = state
  const select = database.prepare('SELECT * FROM storage_folders WHERE bucket = ? AND name = ?')
  const selectFrom = database.prepare(
    'SELECT * FROM storage_folders WHERE bucket = ? AND name >= ? AND name < ? AND name > ? ORDER BY name LIMIT ?',
  )
  const insertRow = database.prepare(
    `INSERT INTO storage_folders (bucket, name, metageneration, time_created, updated) VALUES (?1, ?2, 1, ?3, ?3)
     ON CONFLICT DO NOTHING`,
  )
  const removeRow = database.prepare('DELETE FROM storage_folders WHERE bucket = ? AND name = ?')
  /** Names that begin with ?2 begin with ?4 then. */
  const renameRows = database.prepare(
    `UPDATE storage_folders SET name = ?4 || substr(name, length(?2) + 1) WHERE bucket = ?1 AND name >= ?2 AND name < ?3`,
  )
  const renamed = database.prepare(
    'UPDATE storage_folders SET metageneration = metageneration + 1, updated = ? WHERE bucket = ? AND name = ?',
  )

  const under = (bucket: string, prefix: string, after: string, limit: number): Row[] =>
    selectFrom.all(bucket, prefix, `${prefix}${LAST_CHARACTER}`, after, limit)
  const find = (bucket: string, name: string): Row => {
    const row = select.get(bucket, name)
    if (row === undefined)
      throw new StorageError(404, 'notFound', `The folder ${bucket}/${name} does not exist.`)
    return row
  }
  const permitted = ({params, call}: HttpRequest, verb: string): Bucket => {
    const bucket = buckets.get(params['bucket'] ?? '')
    permissions.requireOnBucket(call.principal, `storage.folders.${verb}`, bucket.name)
    // Tools list them without asking what the bucket has.
    if (!hasFolders(bucket) && verb !== 'list')
      throw invalid('The bucket does not have a hierarchical namespace.')
    return bucket
  }
  /** @throws StorageError 409, 404 if its parent is missing */
  const create = (bucket: string, name: string, withParents: boolean): void => {
    if (!name.endsWith('/')) throw invalid(`Invalid name of a folder: '${name}' does not end with a slash.`)
    checkObjectName(name)
    if (select.get(bucket, name) !== undefined)
      throw conflict(`The folder ${bucket}/${name} already exists.`, 'FolderAlreadyExists')
    const parents = foldersOf(name).slice(0, -1)
    if (!withParents) for (const parent of parents.slice(-1)) find(bucket, parent)
    for (const each of [...parents, name]) insertRow.run(bucket, each, clock.now())
  }

  const insert = async (request: HttpRequest): Promise<HttpResponse> => {
    const {name: bucket} = permitted(request, 'create')
    const {name} = await request.json()
    if (typeof name !== 'string') throw invalid('Required parameter: name')
    const recursive = flag(request.url.searchParams, 'recursive')
    await state.write(() => create(bucket, name, recursive))
    return {json: folderJson(find(bucket, name), request.call.origin)}
  }

  const get = (request: HttpRequest): HttpResponse => {
    const row = find(permitted(request, 'get').name, request.params['folder'] ?? '')
    checkForChange(readPreconditions(request.url.searchParams), versionOf(row))
    return {json: folderJson(row, request.call.origin)}
  }

  const remove = async (request: HttpRequest): Promise<HttpResponse> => {
    const {name: bucket} = permitted(request, 'delete')
    const name = request.params['folder'] ?? ''
    await state.write(() => {
      checkForChange(readPreconditions(request.url.searchParams), versionOf(find(bucket, name)))
      const range = {from: name, generation: 0, to: `${name}${LAST_CHARACTER}`}
      if (objects.versions(bucket).rows(range, 1).length > 0 || under(bucket, name, name, 1).length > 0)
        throw conflict('The folder you tried to delete is not empty.', 'FolderNotEmpty')
      removeRow.run(bucket, name)
    })
    return {status: 204}
  }

  /** With a delimiter, what has the prefix as its name or is one level below it. */
  const list = (request: HttpRequest): HttpResponse => {
    const {name: bucket} = permitted(request, 'list')
    const query = request.url.searchParams
    const prefix = query.get('prefix') ?? ''
    const [from, to] = [query.get('startOffset') ?? '', query.get('endOffset') ?? '']
    const isListed = (name: string): boolean =>
      compareNames(name, from) >= 0 &&
      (to === '' || compareNames(name, to) < 0) &&
      (!query.has('delimiter') || [-1, name.length - 1].includes(name.indexOf('/', prefix.length)))
    const {items, next} = pageByKey(
      pageRequestOf(query),
      PAGES,
      (after, limit) => {
        const listed = under(bucket, prefix, after, -1).filter(({name}) => isListed(String(name)))
        return listed.slice(0, limit)
      },
      ({name}) => String(name),
    )
    const json = items.map((row) => folderJson(row, request.call.origin))
    return {json: {kind: 'storage#folders', ...next, ...(json.length > 0 ? {items: json} : {})}}
  }

  /** As at the move of one object. @throws StorageError 403 if one in the folder is held or retained */
  const checkMovable = (bucket: Bucket, folder: string): void => {
    const to = `${folder}${LAST_CHARACTER}`
    const versions = objects.versions(bucket.name)
    for (let from = {name: folder, generation: 0}, more = true; more;) {
      const batch = versions.rows({from: from.name, generation: from.generation, to}, BATCH)
      for (const each of batch) checkUnprotected(bucket, each, clock.now(), false)
      const last = batch.at(-1)
      more = last !== undefined && batch.length === BATCH
      if (last !== undefined) from = {name: last.name, generation: last.generation + 1}
    }
  }

  const rename = async (request: HttpRequest): Promise<HttpResponse> => {
    const inBucket = permitted(request, 'rename')
    const bucket = inBucket.name
    permitted(request, 'create')
    const {folder: source = '', destination: target = ''} = request.params
    const {origin} = request.call
    const query = request.url.searchParams
    const conditions = {...readPreconditions(query), ...readPreconditions(query, 'Source')}
    const ids = {sourceFolderId: source, destinationFolderId: target}
    const type = 'rename-folder'
    const now = new Date(clock.now()).toISOString()
    const work = async (): Promise<object> => {
      await state.write(() => {
        checkForChange(conditions, versionOf(find(bucket, source)))
        if (target.startsWith(source)) throw invalid(`The folder '${source}' cannot be moved into itself.`)
        if (managedFolders.prefixes(bucket, source).length > 0) throw notServed('A rename of managed folders')
        checkMovable(inBucket, source)
        create(bucket, target, false)
        removeRow.run(bucket, target)
        renameRows.run(bucket, source, `${source}${LAST_CHARACTER}`, target)
        objects.rename(bucket, source, target)
        renamed.run(clock.now(), bucket, target)
      })
      const {
        id: _id,
        kind: _kind,
        selfLink: _link,
        bucket: _bucket,
        ...folder
      } = folderJson(find(bucket, target), origin)
      return {...folder, name: `${bucketResource(bucket)}/folders/${target}`}
    }
    const operation = await operations.run(
      {
        parent: bucketResource(bucket),
        type: `${CONTROL}.RenameFolderMetadata`,
        responseType: `${CONTROL}.Folder`,
        metadata: {
          commonMetadata: {createTime: now, type, requestedCancellation: false, progressPercent: -1},
          ...ids,
        },
      },
      work,
    )
    return {json: operationJson(operation, origin)}
  }

  return {
    routes: [
      ['POST', '/b/:bucket/folders', insert],
      ['GET', '/b/:bucket/folders', list],
      ['GET', '/b/:bucket/folders/:folder', get],
      ['DELETE', '/b/:bucket/folders/:folder', remove],
      ['POST', '/b/:bucket/folders/:folder/renameTo/folders/:destination', rename],
    ],
    hold(bucket, object) {
      if (hasFolders(bucket))
        for (const name of foldersOf(object)) insertRow.run(bucket.name, name, clock.now())
    },
    prefixes(bucket, prefix) {
      const names = under(bucket, prefix, prefix, -1).map(({name}) => String(name))
      return [...new Set(names.map((name) => name.slice(0, name.indexOf('/', prefix.length) + 1)))]
    },
    checkNone(bucket) {
      if (under(bucket, '', '', 1).length > 0)
        throw conflict('The bucket you tried to delete is not empty.', 'BucketNotEmpty')
    },
  }
}

const versionOf = (row: Row): {generation: number; metageneration: number} => ({
  generation: 1,
  metageneration: integer(row, 'metageneration'),
})

/** https://cloud.google.com/storage/docs/json_api/v1/folders#resource */
function folderJson(row: Row, origin: string): JsonObject {
  const [bucket, name] = [text(row, 'bucket'), text(row, 'name')]
  return {
    kind: 'storage#folder',
    id: `${bucket}/${name}`,
    selfLink: `${origin}/storage/v1/b/${encodeURIComponent(bucket)}/folders/${encodeURIComponent(name)}`,
    name,
    bucket,
    metageneration: String(row['metageneration']),
    createTime: new Date(integer(row, 'time_created')).toISOString(),
    updateTime: new Date(integer(row, 'updated')).toISOString(),
  }
}
