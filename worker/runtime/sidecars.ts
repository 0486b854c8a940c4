import {sidecarObject, type Sidecar} from '../contract.ts'
import {type Committed, toCommitted} from './commit-state.ts'
import {ABSENT, isPreconditionFailed, type ObjectName, type Storage} from './storage/index.ts'

/** A newer generation has written already, so this one may no longer write anything. */
export class Superseded extends Error {
  override readonly name = 'Superseded'
}

/** How often a write with a precondition may lose against another writer before it fails. */
const MOST_CONFLICTS = 5

/** The sidecars of a result that were found before a run: generations to replace. */
export type KnownSidecars = ReadonlyMap<Sidecar, Promise<Committed | undefined>>

/**
 * Looks for the sidecars of a result while its file is processed: otherwise each write would first be refused, then
 * look, then write. A failure is left to the write.
 */
export function findSidecars(storage: Storage, bucket: string, object: string): KnownSidecars {
  const find = (name: Sidecar): Promise<Committed | undefined> =>
    findCommitted(storage, {bucket, object: sidecarObject(object, name)}).catch(() => undefined)
  return new Map([
    ['report.json', find('report.json')],
    ['model.json', find('model.json')],
  ])
}

export async function findCommitted(storage: Storage, name: ObjectName): Promise<Committed | undefined> {
  const metadata = await storage.find(name)
  return metadata === undefined ? undefined : toCommitted(metadata)
}

/**
 * Writes a sidecar of `object`, marked with the run's metadata, unless a newer generation's exists. The first try
 * expects the one that is known, which is right for nearly every file.
 * @throws Superseded
 */
export async function writeSidecar(
  storage: Storage,
  bucket: string,
  target: {readonly object: string; readonly generation: string; readonly metadata: Record<string, string>},
  name: Sidecar,
  content: object,
  known: Committed | undefined,
  signal: AbortSignal,
): Promise<void> {
  const sidecar = {bucket, object: sidecarObject(target.object, name)}
  const bytes = Buffer.from(`${JSON.stringify(content, null, 2)}\n`)
  let there = known
  for (let conflicts = 0; ; conflicts += 1) {
    signal.throwIfAborted()
    if (there?.source !== undefined && there.source > BigInt(target.generation)) {
      throw new Superseded(
        `${sidecar.object} belongs to generation ${there.source}, newer than ${target.generation}.`,
      )
    }
    try {
      const options = {
        contentType: 'application/json',
        metadata: target.metadata,
        expectedGeneration: there?.outputGeneration ?? ABSENT,
      }
      await storage.write(sidecar, [bytes], options, signal)
      return
    } catch (error) {
      if (!isPreconditionFailed(error) || conflicts === MOST_CONFLICTS) throw error
    }
    there = await findCommitted(storage, sidecar)
  }
}
