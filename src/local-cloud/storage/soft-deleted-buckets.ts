import type {AccessControl, Policy} from '../iam/access.ts'
import {storedJson} from '../state/rows.ts'
import type {State} from '../state/state.ts'
import type {Clock} from '../wire/clock.ts'
import type {Bucket, SoftDeletedBucket} from './bucket.ts'
import type {Buckets} from './buckets.ts'
import {bucketNotFound} from './errors.ts'
import {bucketResource} from './permissions.ts'
import {softDeleteMs, type SoftDeletedObjects} from './soft-deleted.ts'

/**
 * Deleted buckets whose soft delete policy keeps them, by name and generation, with their soft-deleted objects and
 * their policies: https://cloud.google.com/storage/docs/soft-delete. What changes them is called inside a
 * `State.write`.
 */
export interface SoftDeletedBuckets {
  /** @throws StorageError 404 */
  get(name: string, generation: number | undefined): SoftDeletedBucket
  /** Those of a project, by name and generation. */
  list(project: string): SoftDeletedBucket[]
  /** Keeps a bucket that is about to be removed, if its policy says so. */
  keep(bucket: Bucket): void
  /** @throws StorageError 404; 409 if there is another bucket of its name */
  restore(name: string, generation: number | undefined): Bucket
  /** Forgets those whose time is over. */
  expire(): void
}

export function createSoftDeletedBuckets({
  state,
  clock,
  access,
  buckets,
  objects,
}: {
  state: State
  clock: Clock
  access: AccessControl
  buckets: Buckets
  objects: SoftDeletedObjects
}): SoftDeletedBuckets {
  const {database} = state
  const select = database.prepare(
    `SELECT bucket, policy FROM storage_soft_deleted_buckets
     WHERE name = ?1 AND (?2 IS NULL OR generation = ?2) AND hard_delete_time > ?3`,
  )
  const selectOfProject = database.prepare(
    `SELECT bucket FROM storage_soft_deleted_buckets
     WHERE project = ? AND hard_delete_time > ? ORDER BY name, generation`,
  )
  const insert = database.prepare(
    `INSERT INTO storage_soft_deleted_buckets (name, generation, project, hard_delete_time, bucket, policy)
     VALUES (?, ?, ?, ?, ?, ?)`,
  )
  const remove = database.prepare(
    'DELETE FROM storage_soft_deleted_buckets WHERE name = ? AND generation = ?',
  )
  const expire = database.prepare('DELETE FROM storage_soft_deleted_buckets WHERE hard_delete_time <= ?')

  /** The generation may be left out if there is only one. */
  const find = (name: string, generation: number | undefined) => {
    const [row, ...others] = select.all(name, generation ?? null, clock.now())
    if (row === undefined || others.length > 0) throw bucketNotFound()
    return {
      bucket: storedJson<SoftDeletedBucket>(row, 'bucket', 'name', 'project'),
      policy: storedJson<Policy>(row, 'policy'),
    }
  }
  /** What the objects of a deleted bucket belong to: no bucket has such a name. */
  const shelf = ({name, generation}: Bucket): string => `${name}@${generation}`

  return {
    get: (name, generation) => find(name, generation).bucket,
    list: (project) =>
      selectOfProject
        .all(project, clock.now())
        .map((row) => storedJson<SoftDeletedBucket>(row, 'bucket', 'name', 'project')),
    keep(bucket) {
      const kept = softDeleteMs(bucket)
      if (kept === 0) return
      const at = clock.now()
      const softDeleted = {at, until: at + kept}
      const {name, generation, project} = bucket
      const policy = JSON.stringify(access.getPolicy(bucketResource(name)))
      insert.run(
        name,
        generation,
        project,
        softDeleted.until,
        JSON.stringify({...bucket, softDeleted}),
        policy,
      )
      objects.moveAll(name, shelf(bucket))
    },
    restore(name, generation) {
      const {bucket, policy} = find(name, generation)
      const {softDeleted: _past, ...restored} = bucket
      buckets.putBack(restored)
      access.startPolicy(bucketResource(name), policy.bindings ?? [])
      objects.moveAll(shelf(bucket), name)
      remove.run(name, bucket.generation)
      return buckets.get(name)
    },
    expire: () => void expire.run(clock.now()),
  }
}
