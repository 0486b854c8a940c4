import {copyFileSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync} from 'node:fs'
import {readdir, rm} from 'node:fs/promises'
import {join} from 'node:path'
import {codeOf} from '../system-error.ts'
import type {State} from './state.ts'

const DATABASE = 'state.db'
const BLOBS = 'blobs'
/** Of unfinished uploads, whose files change. */
const INCOMING = 'incoming'

/** Copies of the state, by name, in the state folder's `snapshots`. */
const folderOf = (stateFolder: string, name = ''): string => join(stateFolder, 'snapshots', name)

/**
 * Keeps the whole state as it is at this moment, replacing a snapshot of that name. Finished blobs never change, so
 * links share their bytes.
 */
export function saveSnapshot({folder, database}: State, name: string): void {
  const target = folderOf(folder, name)
  const draft = folderOf(folder, `.${name}`)
  rmSync(draft, {recursive: true, force: true})
  mkdirSync(draft, {recursive: true, mode: 0o700})
  // Nothing else runs between the two, so no row of the copy lacks its blob.
  database.prepare('VACUUM INTO ?').run(join(draft, DATABASE))
  copyBlobs(folder, draft)
  rmSync(target, {recursive: true, force: true})
  renameSync(draft, target)
}

/** Puts a snapshot in place of the state, which nothing may have open. */
export async function restoreSnapshot(stateFolder: string, name: string): Promise<void> {
  await removeState(stateFolder)
  copyBlobs(folderOf(stateFolder, name), stateFolder)
  copyFileSync(join(folderOf(stateFolder, name), DATABASE), join(stateFolder, DATABASE))
}

/** Names, in alphabetical order. */
export async function listSnapshots(stateFolder: string): Promise<string[]> {
  const names = await readdir(folderOf(stateFolder)).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  })
  return names.filter((name) => !name.startsWith('.')).toSorted()
}

/** Removes the state, which nothing may have open; snapshots, certificates and keys stay. */
export async function removeState(stateFolder: string): Promise<void> {
  // The database first: without it, the rest means nothing.
  for (const name of [DATABASE, `${DATABASE}-wal`, `${DATABASE}-shm`, BLOBS])
    await rm(join(stateFolder, name), {recursive: true, force: true})
}

function copyBlobs(from: string, to: string): void {
  for (const {name} of readdirSync(join(from, BLOBS), {withFileTypes: true}).filter((each) =>
    each.isDirectory(),
  )) {
    mkdirSync(join(to, BLOBS, name), {recursive: true, mode: 0o700})
    const copy = name === INCOMING ? copyFileSync : linkSync
    for (const blob of readdirSync(join(from, BLOBS, name)))
      copy(join(from, BLOBS, name, blob), join(to, BLOBS, name, blob))
  }
}
