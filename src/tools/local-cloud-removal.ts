import {readdir, rm} from 'node:fs/promises'
import {dirname} from 'node:path'
import {PIPELINE_LABEL} from '../core/settings/pipeline.ts'
import {runningLocalCloud} from './local-cloud-address.ts'
import {askLocalCloud} from './local-cloud-control.ts'
import {stopLocalCloud} from './local-cloud-process.ts'

/** Entries of `.cloud-runner` that are worthless without the local cloud. */
const DISPOSABLE = new Set(['.gitignore', 'rehearsal'])

/**
 * Stops the local cloud of a folder and removes its files, if nothing would be lost: it has no snapshot, and no resource but
 * secrets that `secrets.env` has the values of, and deleted buckets of pipelines.
 * @param mirrored those secrets: `projects/PROJECT_ID/secrets/NAME`
 * @returns whether it was removed
 */
export async function removeUnusedLocalCloud(
  folder: string,
  mirrored: ReadonlySet<string>,
): Promise<boolean> {
  const running = await runningLocalCloud(folder)
  if (running?.buckets !== 0) return false
  const expendable = [
    ...running.secrets.filter((secret) => mirrored.has(secret)),
    // Whoever deleted the pipeline agreed to lose its files.
    ...running.softDeletedBuckets.filter(({labels}) => PIPELINE_LABEL in labels),
  ]
  if (running.others !== expendable.length) return false
  const {snapshots} = await askLocalCloud(folder, {method: 'GET', path: 'snapshots'})
  if (!Array.isArray(snapshots) || snapshots.length > 0) return false
  await stopLocalCloud(folder)
  const parent = dirname(folder)
  await rm(folder, {recursive: true, force: true})
  const left = await readdir(parent)
  if (left.every((name) => DISPOSABLE.has(name))) await rm(parent, {recursive: true, force: true})
  return true
}
