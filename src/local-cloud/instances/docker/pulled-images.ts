import {mkdir, readdir, readFile, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {isJsonObject} from '../../wire/json.ts'
import {InstanceError} from '../instance.ts'
import {type Engine, EngineError} from './engine.ts'

/** The images that the engine has from the local registry, so that none stays there permanently. */
export interface PulledImages {
  /** @param reference `HOST/PROJECT/REPOSITORY/IMAGE@sha256:…`. @throws InstanceError if it cannot be pulled */
  pull(engine: Engine, reference: string): Promise<void>
  /** Removes pulled images that are not in `needed` from the engine. */
  keepOnly(engine: Engine, needed: ReadonlySet<string>): Promise<void>
  /** Whether any pulled image remains. */
  any(): Promise<boolean>
}

/** @param folder keeps one file per image, named by digest, with the reference it was pulled by */
export function createPulledImages(folder: string): PulledImages {
  const pulling = new Map<string, Promise<void>>()
  const listed = (): Promise<string[]> => readdir(folder).catch(() => [])

  const pullOnce = async (engine: Engine, reference: string): Promise<void> => {
    const [name = '', digest = ''] = reference.split('@')
    const path = join(folder, digest.replace(':', '-'))
    const known = await readFile(path, 'utf8').catch(() => undefined)
    if (known === reference && (await exists(engine, `/images/${reference}/json`))) return
    // Recorded before the pull, so that one interrupted by a crash is found again.
    await mkdir(folder, {recursive: true, mode: 0o700})
    await writeFile(path, reference, {mode: 0o600})
    const progress = await engine.stream(
      'POST',
      `/images/create?fromImage=${encodeURIComponent(name)}&tag=${encodeURIComponent(digest)}`,
    )
    const {createInterface} = await import('node:readline')
    for await (const line of createInterface({input: progress})) {
      const step: unknown = JSON.parse(line)
      if (isJsonObject(step) && 'error' in step)
        throw new InstanceError(`The container engine could not pull ${reference}: ${String(step['error'])}`)
    }
  }

  return {
    pull(engine, reference) {
      const running =
        pulling.get(reference) ?? pullOnce(engine, reference).finally(() => pulling.delete(reference))
      pulling.set(reference, running)
      return running
    },
    async keepOnly(engine, needed) {
      const kept = new Set([...needed].map((digest) => digest.replace(':', '-')))
      for (const name of await listed()) {
        if (kept.has(name)) continue
        const path = join(folder, name)
        await forget(engine, await readFile(path, 'utf8'))
        await rm(path, {force: true})
      }
    },
    any: async () => (await listed()).length > 0,
  }
}

async function exists(engine: Engine, path: string): Promise<boolean> {
  try {
    await engine.call('GET', path)
    return true
  } catch (error) {
    if (error instanceof EngineError && error.status === 404) return false
    throw error
  }
}

/** Another name of the same image, e.g. the one it was pushed by, keeps it. */
async function forget(engine: Engine, reference: string): Promise<void> {
  try {
    await engine.call('DELETE', `/images/${reference}`)
  } catch (error) {
    if (!(error instanceof EngineError && (error.status === 404 || error.status === 409))) throw error
  }
}
