import type {State} from '../state/state.ts'
import {objectNotFound} from './errors.ts'
import {objectOfRow} from './object-resource.ts'
import {integer, text} from '../state/rows.ts'
import type {StoredObject} from './stored-object.ts'

/** From that generation of `from` on, up to the name `to` (exclusive). */
export interface ObjectRange {
  readonly from: string
  readonly generation: number
  readonly to: string | undefined
}

/** What identifies a version of an object in its bucket. */
export type ObjectKey = Pick<StoredObject, 'name' | 'generation'>

/** Objects to list, by the UTF-8 bytes of their names and by generation. */
export interface ObjectSource {
  /** At most `count`. */
  rows(range: ObjectRange, count: number): readonly StoredObject[]
  /** The same, perhaps without their rows. */
  keys(range: ObjectRange, count: number): readonly (ObjectKey | StoredObject)[]
  /** `undefined` if it has gone meanwhile. */
  row(key: ObjectKey): StoredObject | undefined
}

/** The rows of objects. What changes them is called inside a `State.write`. */
export interface Objects {
  /** A version, the live one where no generation is named. */
  find(bucket: string, name: string, generation?: number): StoredObject | undefined
  /** @throws StorageError 404 */
  get(bucket: string, name: string, generation?: number): StoredObject
  /** The live objects of a bucket. */
  live(bucket: string): ObjectSource
  /** All versions of them. */
  versions(bucket: string): ObjectSource
  insert(object: StoredObject): void
  /** How many versions of an object are newer than a generation. */
  countNewer(bucket: string, name: string, generation: number): number
  /** Replaces metageneration, times and fields of a version. */
  update(object: StoredObject): void
  /** @returns the blob that is no longer referenced, to remove after the commit */
  remove(object: StoredObject): string | undefined
  /** Whether any version, also a soft-deleted one, has these bytes. */
  refersTo(blob: string): boolean
}

export function createObjects({database}: State): Objects {
  const selectLive = database.prepare(
    'SELECT * FROM storage_objects WHERE bucket = ? AND name = ? AND time_deleted IS NULL',
  )
  const selectVersion = database.prepare(
    'SELECT * FROM storage_objects WHERE bucket = ? AND name = ? AND generation = ?',
  )
  const fromLive = `FROM storage_objects
     WHERE bucket = ? AND time_deleted IS NULL AND (name, generation) >= (?, ?) AND (? IS NULL OR name < ?)
     ORDER BY name LIMIT ?`
  const fromVersions = `FROM storage_objects
     WHERE bucket = ? AND (name, generation) >= (?, ?) AND (? IS NULL OR name < ?) ORDER BY name, generation LIMIT ?`
  const live = {
    rows: database.prepare(`SELECT * ${fromLive}`),
    keys: database.prepare(`SELECT name, generation ${fromLive}`),
  }
  const versions = {
    rows: database.prepare(`SELECT * ${fromVersions}`),
    keys: database.prepare(`SELECT name, generation ${fromVersions}`),
  }
  const insert = database.prepare(
    `INSERT INTO storage_objects (bucket, name, generation, metageneration, blob, size, md5, crc32c, component_count,
       time_created, updated, time_deleted, class_updated, hold_released, fields)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const update = database.prepare(
    `UPDATE storage_objects
     SET metageneration = ?, updated = ?, time_deleted = ?, class_updated = ?, hold_released = ?, fields = ?
     WHERE bucket = ? AND name = ? AND generation = ?`,
  )
  const remove = database.prepare(
    'DELETE FROM storage_objects WHERE bucket = ? AND name = ? AND generation = ?',
  )
  const countNewer = database.prepare(
    'SELECT count(*) AS newer FROM storage_objects WHERE bucket = ? AND name = ? AND generation > ?',
  )
  const selectReference = database.prepare(
    `SELECT 1 FROM storage_objects WHERE blob = ?1
     UNION ALL SELECT 1 FROM storage_soft_deleted WHERE blob = ?1 LIMIT 1`,
  )

  const find: Objects['find'] = (bucket, name, generation) => {
    const row =
      generation === undefined ? selectLive.get(bucket, name) : selectVersion.get(bucket, name, generation)
    return row === undefined ? undefined : objectOfRow(row)
  }

  const sourceOf = (bucket: string, {rows, keys}: typeof live): ObjectSource => ({
    rows: ({from, generation, to = null}, count) =>
      rows.all(bucket, from, generation, to, to, count).map((row) => objectOfRow(row)),
    keys: ({from, generation, to = null}, count) =>
      keys
        .all(bucket, from, generation, to, to, count)
        .map((row) => ({name: text(row, 'name'), generation: integer(row, 'generation')})),
    row: ({name, generation}) => find(bucket, name, generation),
  })

  const refersTo = (blob: string): boolean => selectReference.get(blob) !== undefined

  return {
    find,
    get(bucket, name, generation) {
      const object = find(bucket, name, generation)
      if (object === undefined) throw objectNotFound(bucket, name)
      return object
    },
    live: (bucket) => sourceOf(bucket, live),
    versions: (bucket) => sourceOf(bucket, versions),
    countNewer: (bucket, name, generation) => Number(countNewer.get(bucket, name, generation)?.['newer']),
    insert(object) {
      insert.run(
        object.bucket,
        object.name,
        object.generation,
        object.metageneration,
        object.blob,
        object.sizeBytes,
        object.md5 ?? null,
        object.crc32c,
        object.componentCount ?? null,
        object.timeCreated,
        object.updated,
        object.timeDeleted ?? null,
        object.classUpdated ?? null,
        object.holdReleased ?? null,
        JSON.stringify(object.fields),
      )
    },
    update(object) {
      update.run(
        object.metageneration,
        object.updated,
        object.timeDeleted ?? null,
        object.classUpdated ?? null,
        object.holdReleased ?? null,
        JSON.stringify(object.fields),
        object.bucket,
        object.name,
        object.generation,
      )
    },
    remove({bucket, name, generation, blob}) {
      remove.run(bucket, name, generation)
      return refersTo(blob) ? undefined : blob
    },
    refersTo,
  }
}
