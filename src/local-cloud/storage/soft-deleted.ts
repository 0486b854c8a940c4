import {type Row, storedJson} from '../state/rows.ts'
import type {State} from '../state/state.ts'
import {isJsonObject, type JsonObject} from '../wire/json.ts'
import type {Bucket} from './bucket.ts'
import {invalid} from './errors.ts'
import type {StoredObject} from './stored-object.ts'
import type {ObjectRange} from './objects.ts'

const DAY_SECONDS = 24 * 60 * 60

/** How long a bucket keeps deleted objects restorable, in milliseconds; 0 if it does not. */
export function softDeleteMs({fields}: Bucket): number {
  const policy = fields['softDeletePolicy']
  return isJsonObject(policy) ? Number(policy['retentionDurationSeconds']) * 1000 : 0
}

/** @throws StorageError 400 for a bucket without soft delete */
export function requireSoftDelete(bucket: Bucket): void {
  if (softDeleteMs(bucket) === 0)
    throw invalid(`Soft delete is not enabled on bucket '${bucket.name}': set its softDeletePolicy.`)
}

/**
 * A bucket's soft delete policy as it is kept after a change.
 * @throws StorageError 400 unless it lasts 0 seconds or 7 to 90 days: https://cloud.google.com/storage/docs/soft-delete
 */
export function settledSoftDeletePolicy(present: unknown, next: JsonObject, now: number): JsonObject {
  const seconds = Number(next['retentionDurationSeconds'] ?? 0)
  if (seconds !== 0 && !(seconds >= 7 * DAY_SECONDS && seconds <= 90 * DAY_SECONDS)) {
    throw invalid(
      `Invalid softDeletePolicy.retentionDurationSeconds: it is 0 or ${7 * DAY_SECONDS} to ${90 * DAY_SECONDS} ` +
        `seconds (7 to 90 days), not ${JSON.stringify(next['retentionDurationSeconds'])}.`,
    )
  }
  const before: JsonObject = isJsonObject(present) ? present : {}
  const unchanged = Number(before['retentionDurationSeconds']) === seconds
  return {
    retentionDurationSeconds: String(seconds),
    ...(seconds === 0
      ? {}
      : {effectiveTime: unchanged ? before['effectiveTime'] : new Date(now).toISOString()}),
  }
}

/** The rows of soft-deleted objects. What changes them is called inside a `State.write`. */
export interface SoftDeletedObjects {
  /** One that can still be restored. */
  find(bucket: string, name: string, generation: number, now: number): StoredObject | undefined
  /** Those that can still be restored, by name and generation. */
  page(bucket: string, range: ObjectRange, count: number, now: number): StoredObject[]
  insert(object: StoredObject, softDeleted: {at: number; until: number}): void
  /** Moves those of a bucket elsewhere, out of the reach of a new bucket of its name. */
  moveAll(from: string, to: string): void
  /** Has none of a deleted bucket be restorable; `expire` removes them. */
  giveUp(bucket: string): void
  /** Removes those whose time is over, at most `count`. @returns their blobs, which another object may have too */
  expire(now: number, count: number): string[]
}

export function createSoftDeleted({database}: State): SoftDeletedObjects {
  const select = database.prepare(
    `SELECT * FROM storage_soft_deleted WHERE bucket = ? AND name = ? AND generation = ? AND hard_delete_time > ?`,
  )
  const selectPage = database.prepare(
    `SELECT * FROM storage_soft_deleted
     WHERE bucket = ? AND (name, generation) >= (?, ?) AND (? IS NULL OR name < ?) AND hard_delete_time > ?
     ORDER BY name, generation LIMIT ?`,
  )
  const insert = database.prepare(
    `INSERT INTO storage_soft_deleted (bucket, name, generation, blob, hard_delete_time, object)
     VALUES (?, ?, ?, ?, ?, ?)`,
  )
  const giveUp = database.prepare('UPDATE storage_soft_deleted SET hard_delete_time = 0 WHERE bucket = ?')
  const moveAll = database.prepare('UPDATE storage_soft_deleted SET bucket = ? WHERE bucket = ?')
  const expire = database.prepare(
    `DELETE FROM storage_soft_deleted WHERE (bucket, name, generation) IN
       (SELECT bucket, name, generation FROM storage_soft_deleted WHERE hard_delete_time <= ? LIMIT ?)
     RETURNING blob`,
  )
  return {
    find(bucket, name, generation, now) {
      const row = select.get(bucket, name, generation, now)
      return row === undefined ? undefined : softDeletedOfRow(row)
    },
    page: (bucket, {from, generation, to = null}, count, now) =>
      selectPage.all(bucket, from, generation, to, to, now, count).map((row) => softDeletedOfRow(row)),
    insert(object, softDeleted) {
      const {bucket, name, generation, blob} = object
      const kept = JSON.stringify({...object, softDeleted})
      insert.run(bucket, name, generation, blob, softDeleted.until, kept)
    },
    moveAll: (from, to) => void moveAll.run(to, from),
    giveUp: (bucket) => void giveUp.run(bucket),
    expire: (now, count) => expire.all(now, count).map(({blob}) => String(blob)),
  }
}

/** JSON leaves out what is `undefined`. */
function softDeletedOfRow(row: Row): StoredObject {
  return storedJson<StoredObject>(row, 'object', 'name', 'blob')
}
