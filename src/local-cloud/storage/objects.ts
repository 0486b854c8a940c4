import type {SQLInputValue, StatementSync} from 'node:sqlite'
import type {State} from '../state/state.ts'
import {objectNotFound} from './errors.ts'
import {objectOfRow} from './object-resource.ts'
import {jsonOf, type WantedMembers} from './object-json.ts'
import {MOST_GLOBS} from './glob.ts'
import {integer, text, type Row} from '../state/rows.ts'
import {LAST_CHARACTER} from './names.ts'
import {RecentObjects} from './recent-objects.ts'
import type {StoredObject} from './stored-object.ts'

/** Statements kept for the next listing. Callers choose the fields that are part of them, so there is no end of others. */
const MOST_STATEMENTS = 100

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
  /**
   * The same, perhaps without their rows.
   * @param globs patterns of SQLite's GLOB: objects that match none of them may be left out; empty: any
   */
  keys(range: ObjectRange, count: number, globs: readonly string[]): readonly (ObjectKey | StoredObject)[]
  /**
   * The same as JSON, separated by commas, which the database writes, and what comes next.
   * @returns `undefined` if it cannot write one of the members
   */
  page?(
    range: ObjectRange,
    count: number,
    members: WantedMembers,
  ): {readonly items: Uint8Array; readonly next: ObjectKey | undefined} | undefined
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
  /** To be called once the `State.write` that inserted it has succeeded: from now on readers get it from memory. */
  inserted(object: StoredObject): void
  /** How many versions of an object are newer than a generation. */
  countNewer(bucket: string, name: string, generation: number): number
  /** Replaces metageneration, times and fields of a version. */
  update(object: StoredObject): void
  /** @returns the blob that is no longer referenced, to remove after the commit */
  remove(object: StoredObject): string | undefined
  /** Has all names that begin with `from` begin with `to`; their generations, and their bytes, stay. */
  rename(bucket: string, from: string, to: string): void
  /** Whether any version, also a soft-deleted one, has these bytes. */
  refersTo(blob: string): boolean
}

/** SQLite orders blobs after all texts. */
const AFTER_TEXTS = new Uint8Array()

export function createObjects({database}: State): Objects {
  const selectLive = database.prepare(
    'SELECT * FROM storage_objects WHERE bucket = ? AND name = ? AND time_deleted IS NULL',
  )
  const selectVersion = database.prepare(
    'SELECT * FROM storage_objects WHERE bucket = ? AND name = ? AND generation = ?',
  )
  // Only the first name's generation matters, and only a match is read: for the others, the index is enough.
  const inRange = 'bucket = ? AND name >= ? AND (name > ? OR generation >= ?) AND name < ?'
  const isMatch = `(?1 IS NULL OR ${Array.from({length: MOST_GLOBS}, (_, n) => `name GLOB ?${n + 1}`).join(' OR ')})`
  const live = `${inRange} AND time_deleted IS NULL ORDER BY name LIMIT ?`
  const versions = `${inRange} ORDER BY name, generation LIMIT ?`
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
  const rename = database.prepare(
    `UPDATE storage_objects SET name = ?4 || substr(name, length(?2) + 1) WHERE bucket = ?1 AND name >= ?2 AND name < ?3`,
  )
  const countNewer = database.prepare(
    'SELECT count(*) AS newer FROM storage_objects WHERE bucket = ? AND name = ? AND generation > ?',
  )
  const selectReference = database.prepare(
    `SELECT 1 FROM storage_objects WHERE blob = ?1
     UNION ALL SELECT 1 FROM storage_soft_deleted WHERE blob = ?1 LIMIT 1`,
  )

  const recent = new RecentObjects()
  const find: Objects['find'] = (bucket, name, generation) => {
    // What a transaction sees may be undone.
    const canKeep = !database.isTransaction
    const kept = canKeep ? recent.get(bucket, name) : undefined
    if (kept !== undefined && (generation ?? kept.generation) === kept.generation) return kept
    const row =
      generation === undefined ? selectLive.get(bucket, name) : selectVersion.get(bucket, name, generation)
    if (row === undefined) return undefined
    const object = objectOfRow(row)
    if (canKeep && generation === undefined) recent.read(object)
    return object
  }

  const statements = new Map<string, StatementSync>()
  const prepared = (sql: string): StatementSync => {
    const known = statements.get(sql)
    if (known !== undefined) return known
    if (statements.size === MOST_STATEMENTS) statements.clear()
    const statement = database.prepare(sql)
    statements.set(sql, statement)
    return statement
  }
  const keyOf = (row: Row): ObjectKey => ({name: text(row, 'name'), generation: integer(row, 'generation')})

  const sourceOf = (bucket: string, where: string): ObjectSource => {
    const bounds = ({from, generation, to}: ObjectRange): SQLInputValue[] => [
      bucket,
      from,
      from,
      generation,
      to ?? AFTER_TEXTS,
    ]
    return {
      rows: (range, count) =>
        prepared(`SELECT * FROM storage_objects WHERE ${where}`)
          .all(...bounds(range), count)
          .map((row) => objectOfRow(row)),
      keys: (range, count, globs) => {
        const patterns = Array.from({length: MOST_GLOBS}, (_, n) => globs[n] ?? null)
        return prepared(`SELECT name, generation FROM storage_objects WHERE ${isMatch} AND ${where}`)
          .all(...patterns, ...bounds(range), count)
          .map(keyOf)
      },
      page(range, count, members) {
        const json = jsonOf(members)
        if (json === undefined) return undefined
        const found = `SELECT ${json} AS json FROM storage_objects WHERE ${where}`
        const items = prepared(`SELECT CAST(group_concat(json) AS BLOB) AS items FROM (${found})`)
        const following = prepared(`SELECT name, generation FROM storage_objects WHERE ${where} OFFSET ?`)
        const listed = items.get(...bounds(range), count)?.['items']
        const next = following.get(...bounds(range), 1, count)
        return {items: listed instanceof Uint8Array ? listed : new Uint8Array(), next: next && keyOf(next)}
      },
      row: ({name, generation}) => find(bucket, name, generation),
    }
  }

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
      recent.stored(object)
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
    inserted: (object) => recent.durable(object),
    update(object) {
      recent.forget(object)
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
      recent.forget({bucket, name})
      remove.run(bucket, name, generation)
      return refersTo(blob) ? undefined : blob
    },
    rename(bucket, from, to) {
      recent.clear()
      rename.run(bucket, from, `${from}${LAST_CHARACTER}`, to)
    },
    refersTo,
  }
}
