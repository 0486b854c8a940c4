import {objectsIn, textIn, type Rest} from '../rest.ts'

/** Concurrent deletions: each waits for the network, or for the disk that it shares with the others. */
const AT_ONCE = 64
const LISTED = encodeURIComponent('items(name,generation)')

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
      `/storage/v1/b/${bucket}/o?versions=true&maxResults=1000&fields=${LISTED}`,
    )
    const objects = objectsIn(page ?? {}, 'items')
    if (objects.length === 0) return
    const rows = objects.values()
    await Promise.all(
      Array.from({length: AT_ONCE}, async () => {
        for (const object of rows) {
          signal.throwIfAborted()
          const name = encodeURIComponent(textIn(object, 'name') ?? '')
          await rest.delete(
            'storage',
            `/storage/v1/b/${bucket}/o/${name}?generation=${textIn(object, 'generation') ?? ''}`,
          )
          deleted++
          if (deleted % 100 === 0) step(`Empty bucket ${bucket}: ${deleted} objects deleted`)
        }
      }),
    )
  }
}
