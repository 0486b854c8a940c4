import type {State} from '../state/state.ts'
import type {Clock} from '../wire/clock.ts'
import type {JsonObject} from '../wire/json.ts'
import {bucketOfRow, type Bucket} from './bucket-resource.ts'
import {bucketNotFound, conflict} from './errors.ts'

/** The rows of buckets. What changes them is called inside a `State.write`. */
export interface Buckets {
  find(name: string): Bucket | undefined
  /** @throws StorageError 404 */
  get(name: string): Bucket
  /** Buckets of a project by name: from `from` on, and after `after`. */
  list(project: string, from: string, after: string, count: number): Bucket[]
  /** How many there are, of all projects. */
  count(): number
  /** @throws StorageError 409 if the name is taken */
  insert(bucket: {name: string; project: string; fields: JsonObject}): Bucket
  /** Replaces what callers may set; raises the metageneration. */
  replaceFields(bucket: Bucket, fields: JsonObject): Bucket
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
  const insert = database.prepare(
    `INSERT INTO storage_buckets
       (name, project, metageneration, generation, time_created, updated, last_notification, fields)
     VALUES (?, ?, 1, ?, ?, ?, 0, ?)`,
  )
  const update = database.prepare(
    'UPDATE storage_buckets SET metageneration = metageneration + 1, updated = ?, fields = ? WHERE name = ?',
  )
  const anyObject = database.prepare('SELECT 1 FROM storage_objects WHERE bucket = ? LIMIT 1')
  const remove = database.prepare('DELETE FROM storage_buckets WHERE name = ?')

  const find = (name: string): Bucket | undefined => {
    const row = select.get(name)
    return row === undefined ? undefined : bucketOfRow(row)
  }
  const get = (name: string): Bucket => {
    const bucket = find(name)
    if (bucket === undefined) throw bucketNotFound()
    return bucket
  }

  return {
    find,
    get,
    list: (project, from, after, count) => selectPage.all(project, from, after, count).map(bucketOfRow),
    count: () => Number(selectCount.get()?.['buckets']),
    insert({name, project, fields}) {
      const present = find(name)
      if (present?.project === project) {
        throw conflict('Your previous request to create the named bucket succeeded and you already own it.')
      }
      if (present !== undefined) {
        throw conflict(
          'The requested bucket name is not available. The bucket namespace is shared by all users of the system. ' +
            'Please select a different name and try again.',
        )
      }
      const now = clock.now()
      insert.run(name, project, nextGeneration(), now, now, JSON.stringify(fields))
      return get(name)
    },
    replaceFields({name}, fields) {
      update.run(clock.now(), JSON.stringify(fields), name)
      return get(name)
    },
    remove({name}) {
      if (anyObject.get(name) !== undefined) throw conflict('The bucket you tried to delete is not empty.')
      remove.run(name)
    },
  }
}
