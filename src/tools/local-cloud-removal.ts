import {readdir, rm} from 'node:fs/promises'
import {dirname} from 'node:path'
import {runningLocalCloud} from './local-cloud-address.ts'
import {stopLocalCloud} from './local-cloud-process.ts'

/** What may be left in `.cloud-runner` that is worth nothing without the local cloud. */
const OURS = new Set(['.gitignore', 'rehearsal'])

/**
 * Stops the local cloud of a folder and removes its files, where it holds no bucket of anybody any more.
 * @returns whether it is gone
 */
export async function removeUnusedLocalCloud(folder: string): Promise<boolean> {
  const running = await runningLocalCloud(folder)
  if (running?.buckets !== 0) return false
  await stopLocalCloud(folder)
  await rm(folder, {recursive: true, force: true})
  const parent = dirname(folder)
  const left = await readdir(parent)
  if (left.every((name) => OURS.has(name))) await rm(parent, {recursive: true, force: true})
  return true
}
