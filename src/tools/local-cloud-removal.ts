import {readdir, rm} from 'node:fs/promises'
import {dirname} from 'node:path'
import {readLocalValues} from '../core/secrets/local-values.ts'
import {runningLocalCloud} from './local-cloud-address.ts'
import {askLocalCloud} from './local-cloud-control.ts'
import {stopLocalCloud} from './local-cloud-process.ts'

/** Entries of `.cloud-runner` that are worthless without the local cloud. */
const DISPOSABLE = new Set(['.gitignore', 'rehearsal'])

/**
 * Stops the local cloud of a folder and removes its files, if nothing would be lost: it has no resource but secrets that
 * `secrets.env` has the values of, and no snapshot.
 * @returns whether it was removed
 */
export async function removeUnusedLocalCloud(folder: string): Promise<boolean> {
  const running = await runningLocalCloud(folder)
  if (running?.buckets !== 0 || running.secrets === undefined || running.others !== running.secrets)
    return false
  const parent = dirname(folder)
  if (running.secrets > (await readLocalValues(parent)).size) return false
  const {snapshots} = await askLocalCloud(folder, {method: 'GET', path: 'snapshots'})
  if (!Array.isArray(snapshots) || snapshots.length > 0) return false
  await stopLocalCloud(folder)
  await rm(folder, {recursive: true, force: true})
  const left = await readdir(parent)
  if (left.every((name) => DISPOSABLE.has(name))) await rm(parent, {recursive: true, force: true})
  return true
}
