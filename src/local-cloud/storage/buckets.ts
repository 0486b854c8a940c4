import {RowCache} from '../state/row-cache.ts'
import type {State} from '../state/state.ts'
import type {Clock} from '../wire/clock.ts'
import type {JsonObject} from '../wire/json.ts'
import {bucketOfRow, settledBucketFields} from './bucket-resource.ts'
import type {Bucket} from './bucket.ts'
import {bucketNotFound, conflict} from './errors.ts'
import {lockedRetentionPolicy} from './protection.ts'

/** The rows of buckets. What changes them is called inside a `State.write`. */
export interface Buckets {
  find(name: string): Bucket | undefined
  /** @throws StorageError 404 */
  get(name: string): Bucket
  /** Buckets of a project by name: from `from` on, and after `after`. */
  list(project: string, from: string, after: string, count: number): Bucket[]
  /** Those of all projects that have lifecycle rules. */
  withLifecycle(): Bucket[]
  /** How many there are, of all projects. */
  count(): number
  /** @throws StorageError 409 if the name is taken, 400 for fields that do not fit together */
  insert(bucket: {name: string; project: string; fields: JsonObject}): Bucket
  /** Restores one that was removed. @throws StorageError 409 if the name is taken */
  putBack(bucket: Bucket): void
  /**
   * Replaces what callers may set; raises the metageneration.
   * @throws StorageError 400, 403 if a locked retention policy would be loosened
   */
  replaceFields(bucket: Bucket, fields: JsonObject): Bucket
  /** Locks its retention policy permanently. @throws StorageError 400 if it has none */
  lock(bucket: Bucket): Bucket
  /** @throws StorageError 409 if objects are left in it */
  remove(bucket: Bucket): void
}

export function createBuckets({
  state,
  clock,
  nextGeneration,
}: {
  state: State
  clock: Clock
  nextGeneration: () => number
}): Buckets {
  const {database} = state
  const select = database.prepare('SELECT * FROM storage_buckets WHERE name = ?')
  const selectPage = database.prepare(
    'SELECT * FROM storage_buckets WHERE project = ? AND name >= ? AND name > ? ORDER BY name LIMIT ?',
  )
  const selectCount = database.prepare('SELECT count(*) AS buckets FROM storage_buckets')
  const selectWithLifecycle = database.prepare(
    "SELECT * FROM storage_buckets WHERE json_array_length(fields, '$.lifecycle.rule') > 0",
  )
  const insert = database.prepare(
    `INSERT INTO storage_buckets
       (name, project, metageneration, generation, time_created, updated, last_notification, fields)
     VALUES (?, ?, ?, ?, ?, ?, 0, ?)`,
  )
  const update = database.prepare(
    'UPDATE storage_buckets SET metageneration = metageneration + 1, updated = ?, fields = ? WHERE name = ?',
  )
  const anyObject = database.prepare('SELECT 1 FROM storage_objects WHERE bucket = ? LIMIT 1')
  const remove = database.prepare('DELETE FROM storage_buckets WHERE name = ?')

  const cache = new RowCache(database, (name) => {
    const row = select.get(name)
    return row === undefined ? undefined : bucketOfRow(row)
  })
  const find = (name: string): Bucket | undefined => cache.get(name)
  const get = (name: string): Bucket => {
    const bucket = find(name)
    if (bucket === undefined) throw bucketNotFound()
    return bucket
  }

  const checkFree = (name: string, project: string): void => {
    const present = find(name)
    if (present?.project === project) {
      throw conflict(
        'Your previous request to create the named bucket succeeded and you already own it.',
        'BucketAlreadyOwnedByYou',
      )
    }
    if (present !== undefined) {
      throw conflict(
        'The requested bucket name is not available. The bucket namespace is shared by all users of the system. ' +
          'Please select a different name and try again.',
        'BucketAlreadyExists',
      )
    }
  }
  const put = ({name, project, metageneration, generation, timeCreated, updated, fields}: Bucket): void => {
    cache.clear()
    insert.run(name, project, metageneration, generation, timeCreated, updated, JSON.stringify(fields))
  }

  return {
    find,
    get,
    list: (project, from, after, count) => selectPage.all(project, from, after, count).map(bucketOfRow),
    withLifecycle: () => selectWithLifecycle.all().map(bucketOfRow),
    count: () => Number(selectCount.get()?.['buckets']),
    insert({name, project, fields}) {
      checkFree(name, project)
      const now = clock.now()
      const settled = settledBucketFields(name, undefined, fields, now)
      const generation = nextGeneration()
      put({name, project, metageneration: 1, generation, timeCreated: now, updated: now, fields: settled})
      return get(name)
    },
    putBack(bucket) {
      checkFree(bucket.name, bucket.project)
      put(bucket)
    },
    replaceFields({name, fields: present}, fields) {
      const now = clock.now()
      cache.clear()
      update.run(now, JSON.stringify(settledBucketFields(name, present, fields, now)), name)
      return get(name)
    },
    lock(bucket) {
      const fields = {...bucket.fields, retentionPolicy: lockedRetentionPolicy(bucket)}
      cache.clear()
      update.run(clock.now(), JSON.stringify(fields), bucket.name)
      return get(bucket.name)
    },
    remove({name}) {
      if (anyObject.get(name) !== undefined)
        throw conflict('The bucket you tried to delete is not empty.', 'BucketNotEmpty')
      cache.clear()
      remove.run(name)
    },
  }
}
