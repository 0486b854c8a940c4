import {readdir, rm} from 'node:fs/promises'
import {dirname} from 'node:path'
import {runningLocalCloud} from './local-cloud-address.ts'
import {stopLocalCloud} from './local-cloud-process.ts'

/** Entries of `.cloud-runner` that are worthless without the local cloud. */
const DISPOSABLE = new Set(['.gitignore', 'rehearsal'])

/**
 * Stops the local cloud of a folder and removes its files, if it no longer holds any bucket.
 * @returns whether it was removed
 */
export async function removeUnusedLocalCloud(folder: string): Promise<boolean> {
  const running = await runningLocalCloud(folder)
  if (running?.buckets !== 0) return false
  await stopLocalCloud(folder)
  await rm(folder, {recursive: true, force: true})
  const parent = dirname(folder)
  const left = await readdir(parent)
  if (left.every((name) => DISPOSABLE.has(name))) await rm(parent, {recursive: true, force: true})
  return true
}
