import {objectsIn, textIn, type Rest} from '../rest.ts'

/** Concurrent batches: together they delete a page of the listing. */
const AT_ONCE = 10
/** Calls that one batch may have: https://cloud.google.com/storage/docs/batch */
const BATCH = 100
const LISTED = encodeURIComponent('items(name,generation)')

interface Version {
  readonly name: string
  readonly path: string
}

/** Deletes every object in a bucket, all generations, and reports progress. */
export async function emptyBucket(
  rest: Rest,
  bucket: string,
  {signal, step}: {signal: AbortSignal; step: (text: string) => void},
): Promise<void> {
  let deleted = 0
  for (;;) {
    signal.throwIfAborted()
    const page = await rest.get(
      'storage',
      `/storage/v1/b/${bucket}/o?versions=true&maxResults=${AT_ONCE * BATCH}&fields=${LISTED}`,
    )
    const versions = objectsIn(page ?? {}, 'items').map((item): Version => {
      const name = textIn(item, 'name') ?? ''
      const generation = textIn(item, 'generation') ?? ''
      return {name, path: `/storage/v1/b/${bucket}/o/${encodeURIComponent(name)}?generation=${generation}`}
    })
    if (versions.length === 0) return
    const batches = Array.from({length: Math.ceil(versions.length / BATCH)}, (_, index) =>
      versions.slice(index * BATCH, (index + 1) * BATCH),
    )
    const left = await Promise.all(
      batches.map(async (batch) => {
        const remaining = await deleteBatch(rest, bucket, batch)
        deleted += batch.length - remaining.length
        step(`Empty bucket ${bucket}: ${deleted} objects deleted`)
        return remaining
      }),
    )
    // By itself, a deletion is tried again for a while, and its error says what prevents it.
    for (const {name, path} of left.flat()) {
      signal.throwIfAborted()
      await rest.delete('storage', path, `Deleting object ${name} in bucket ${bucket}`)
      deleted++
    }
  }
}

/** @returns those that remain */
async function deleteBatch(rest: Rest, bucket: string, versions: readonly Version[]): Promise<Version[]> {
  const calls = versions.map(({path}) => ({method: 'DELETE', path}))
  const statuses = await rest.batch(calls, `Deleting ${versions.length} objects in bucket ${bucket}`)
  return versions.filter((_, index) => {
    const status = statuses[index] ?? 0
    return status !== 404 && (status < 200 || status >= 300)
  })
}
