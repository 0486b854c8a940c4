import {readdir, rm} from 'node:fs/promises'
import {dirname} from 'node:path'
import {fieldsOf} from './local-cloud-address.ts'
import {stopLocalCloud} from './local-cloud-process.ts'

/** What may be left in `.cloud-runner` that is worth nothing without the local cloud. */
const OURS = new Set(['.gitignore'])

/**
 * Stops the local cloud of a folder and removes its files, where the project has no bucket of a pipeline any more.
 * @returns whether it is gone
 */
export async function removeUnusedLocalCloud(cloud: {
  readonly folder: string
  readonly endpoint: string
  readonly project: string
}): Promise<boolean> {
  if (!(await hasNoBucket(cloud.endpoint, cloud.project))) return false
  await stopLocalCloud(cloud.folder)
  await rm(cloud.folder, {recursive: true, force: true})
  const parent = dirname(cloud.folder)
  const left = await readdir(parent)
  if (left.every((name) => OURS.has(name))) await rm(parent, {recursive: true, force: true})
  return true
}

async function hasNoBucket(endpoint: string, project: string): Promise<boolean> {
  const response = await fetch(`${endpoint}/storage/v1/b?project=${project}`)
  const {items} = fieldsOf(await response.json())
  return response.ok && (items === undefined || (Array.isArray(items) && items.length === 0))
}
