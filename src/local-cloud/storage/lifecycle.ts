import {setImmediate as nextTurn} from 'node:timers/promises'
import {DiskFullError} from '../disk-full.ts'
import type {State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Clock, Timer} from '../wire/clock.ts'
import type {Bucket} from './bucket.ts'
import type {Buckets} from './buckets.ts'
import {dueAction, isAbortDue, type LifecycleRule, lifecycleRules} from './lifecycle-rules.ts'
import type {ObjectChanges} from './object-changes.ts'
import type {StoredObject} from './stored-object.ts'
import type {ObjectRange, Objects} from './objects.ts'
import type {PartUploads} from './part-uploads.ts'
import type {SoftDeletedBuckets} from './soft-deleted-buckets.ts'
import type {SoftDeletedObjects} from './soft-deleted.ts'

/** Between two looks at what is due; rules count in days. */
const INTERVAL_MS = 60 * 60 * 1000
/** How many objects are looked at before other requests have their turn. */
const BATCH = 1000

/** Does what is due by the clock: the rules of buckets, and the end of what was soft-deleted. */
export interface Lifecycle extends AsyncDisposable {
  /** @param origin what links in events begin with */
  start(origin: string): void
}

export function createLifecycle({
  state,
  clock,
  buckets,
  objects,
  softDeleted,
  softDeletedBuckets,
  parts,
  changes,
  report,
}: {
  state: State
  clock: Clock
  buckets: Buckets
  objects: Objects
  softDeleted: SoftDeletedObjects
  softDeletedBuckets: SoftDeletedBuckets
  parts: PartUploads
  changes: ObjectChanges
  /** Called with errors other than those of a full disk. */
  report: (error: unknown) => void
}): Lifecycle {
  const stopped = new AbortController()
  let timer: Timer | undefined
  let running: Promise<void> = Promise.resolve()

  const apply = async (
    bucket: Bucket,
    rules: readonly LifecycleRule[],
    object: StoredObject,
    origin: string,
  ): Promise<void> => {
    const {name, generation, metageneration, timeDeleted} = object
    const action = dueAction(rules, object, {
      now: clock.now(),
      newerVersions: () => objects.countNewer(bucket.name, name, generation),
    })
    if (action === undefined) return
    const target = {
      bucket: bucket.name,
      name,
      generation: timeDeleted === undefined ? undefined : generation,
      // What was changed since it was looked at waits for the next time.
      preconditions: {generationMatch: generation, metagenerationMatch: metageneration},
      origin,
    }
    try {
      if (action === 'delete') await changes.remove(target)
      else await changes.changeMetadata(target, (present) => ({...present, ...action}))
    } catch (error) {
      // Held, retained or changed objects are left; a full disk may have room the next time.
      if (!(error instanceof ApiError || error instanceof DiskFullError)) throw error
    }
  }

  const sweepBucket = async (bucket: Bucket, origin: string): Promise<void> => {
    const rules = lifecycleRules(bucket.fields['lifecycle'])
    const aborted = await state.write(() =>
      parts
        .list(bucket.name)
        .filter((upload) => isAbortDue(rules, upload, clock.now()))
        .flatMap(({id}) => parts.remove(id)),
    )
    for (const blob of aborted) await state.blobs.remove(blob)
    let range: ObjectRange | undefined = {from: '', generation: 0, to: undefined}
    while (range !== undefined && !stopped.signal.aborted) {
      const page = objects.versions(bucket.name).rows(range, BATCH)
      await Promise.all(page.map((object) => apply(bucket, rules, object, origin)))
      await nextTurn()
      const last = page.at(-1)
      range =
        last === undefined || page.length < BATCH
          ? undefined
          : {from: last.name, generation: last.generation + 1, to: undefined}
    }
  }

  const expireSoftDeleted = async (): Promise<void> => {
    await state.write(() => softDeletedBuckets.expire())
    for (;;) {
      const {expired, freed} = await state.write(() => {
        const blobs = softDeleted.expire(clock.now(), BATCH)
        const unnamed = [...new Set(blobs)].filter((blob) => !objects.refersTo(blob))
        return {expired: blobs.length, freed: unnamed.flatMap((blob) => state.blobs.release(blob) ?? [])}
      })
      for (const blob of freed) await state.blobs.remove(blob)
      if (expired < BATCH || stopped.signal.aborted) return
    }
  }

  const sweep = async (origin: string): Promise<void> => {
    for (const bucket of buckets.withLifecycle()) await sweepBucket(bucket, origin)
    await expireSoftDeleted()
  }

  const arm = (origin: string, delayMs: number): void => {
    timer = clock.after(delayMs, () => {
      running = sweep(origin).catch((error: unknown) => {
        // A stop closes the state under what still runs.
        if (!stopped.signal.aborted && !(error instanceof DiskFullError)) report(error)
      })
      arm(origin, INTERVAL_MS)
    })
  }

  return {
    start: (origin) => arm(origin, 0),
    async [Symbol.asyncDispose]() {
      stopped.abort()
      timer?.clear()
      await running
    },
  }
}
