import type {Bucket} from '@google-cloud/storage'
import {sidecarObject, type Sidecar} from '../contract.ts'
import {ABSENT, findMetadata, isPreconditionFailed, writeObject} from './buckets.ts'
import {toCommitted} from './commit-state.ts'

/** Something of a newer generation is there already, so nothing of this one may be written any more. */
export class Superseded extends Error {
  override readonly name = 'Superseded'
}

/** Overwriting goes through a precondition; so many times somebody else may come first before it is given up. */
const MOST_CONFLICTS = 5

/**
 * Writes a sidecar of `object`, marked with the metadata of the run, unless a newer generation's is there. It is tried
 * as if there were none, which is right for nearly every file and saves the look.
 * @throws Superseded
 */
export async function writeSidecar(
  bucket: Bucket,
  target: {readonly object: string; readonly generation: string; readonly metadata: Record<string, string>},
  name: Sidecar,
  content: object,
  signal: AbortSignal,
): Promise<void> {
  const file = bucket.file(sidecarObject(target.object, name))
  const bytes = Buffer.from(`${JSON.stringify(content, null, 2)}\n`)
  let expectedGeneration = ABSENT
  for (let conflicts = 0; ; conflicts += 1) {
    signal.throwIfAborted()
    try {
      await writeObject(file, bytes, {
        contentType: 'application/json',
        metadata: target.metadata,
        expectedGeneration,
      })
      return
    } catch (error) {
      if (!isPreconditionFailed(error) || conflicts === MOST_CONFLICTS) throw error
    }
    const metadata = await findMetadata(file)
    const there = metadata === undefined ? undefined : toCommitted(metadata)
    if (there?.source !== undefined && there.source > BigInt(target.generation)) {
      throw new Superseded(`${file.name} is of generation ${there.source}, newer than ${target.generation}.`)
    }
    expectedGeneration = there?.outputGeneration ?? ABSENT
  }
}
