import {sidecarObject, type Sidecar} from '../contract.ts'
import {toCommitted} from './commit-state.ts'
import {ABSENT, isPreconditionFailed, type Storage} from './storage/index.ts'

/** A newer generation has written already, so this one may no longer write anything. */
export class Superseded extends Error {
  override readonly name = 'Superseded'
}

/** How often a write with a precondition may lose against another writer before it fails. */
const MOST_CONFLICTS = 5

/**
 * Writes a sidecar of `object`, marked with the run's metadata, unless a newer generation's exists. The first try
 * expects none, which is right for nearly every file and saves a read.
 * @throws Superseded
 */
export async function writeSidecar(
  storage: Storage,
  bucket: string,
  target: {readonly object: string; readonly generation: string; readonly metadata: Record<string, string>},
  name: Sidecar,
  content: object,
  signal: AbortSignal,
): Promise<void> {
  const sidecar = {bucket, object: sidecarObject(target.object, name)}
  const bytes = Buffer.from(`${JSON.stringify(content, null, 2)}\n`)
  let expectedGeneration = ABSENT
  for (let conflicts = 0; ; conflicts += 1) {
    signal.throwIfAborted()
    try {
      const options = {contentType: 'application/json', metadata: target.metadata, expectedGeneration}
      await storage.write(sidecar, [bytes], options, signal)
      return
    } catch (error) {
      if (!isPreconditionFailed(error) || conflicts === MOST_CONFLICTS) throw error
    }
    const metadata = await storage.find(sidecar)
    const there = metadata === undefined ? undefined : toCommitted(metadata)
    if (there?.source !== undefined && there.source > BigInt(target.generation)) {
      throw new Superseded(
        `${sidecar.object} belongs to generation ${there.source}, newer than ${target.generation}.`,
      )
    }
    expectedGeneration = there?.outputGeneration ?? ABSENT
  }
}
