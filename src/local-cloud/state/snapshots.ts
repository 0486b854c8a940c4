import {copyFileSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync} from 'node:fs'
import {mkdir, readdir, rename, rm} from 'node:fs/promises'
import {join} from 'node:path'
import {codeOf} from '../system-error.ts'
import {openState, StateError} from './open.ts'
import type {State} from './state.ts'

const DATABASE = 'state.db'
/** Its write-ahead log, which a clean end removes. */
const LOG = [`${DATABASE}-shm`, `${DATABASE}-wal`]
const BLOBS = 'blobs'
/** Of unfinished uploads, whose files change. */
const INCOMING = 'incoming'
/** A state that is about to replace the present one, and the one that it replaces. */
const NEXT = 'next-state'
const PREVIOUS = 'previous-state'

/** Copies of the state, by name, in the state folder's `snapshots`. */
const folderOf = (stateFolder: string, name = ''): string => join(stateFolder, 'snapshots', name)

/**
 * Keeps the whole state as it is at this moment, replacing a snapshot of that name. Nothing else runs meanwhile: the
 * database is copied, with the small blobs in it. Finished blobs that are files never change, so links share their bytes.
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

/**
 * Gets ready what `replaceState` puts in place: a copy of a snapshot, or by default an empty state. The present state may
 * be in use.
 */
export async function prepareState(stateFolder: string, name?: string): Promise<void> {
  const next = join(stateFolder, NEXT)
  await rm(next, {recursive: true, force: true})
  mkdirSync(next, {mode: 0o700})
  if (name === undefined) return
  try {
    copyBlobs(folderOf(stateFolder, name), next)
    copyFileSync(join(folderOf(stateFolder, name), DATABASE), join(next, DATABASE))
  } catch (error) {
    await rm(next, {recursive: true, force: true})
    throw error
  }
}

/**
 * Puts the prepared state in place of the present one, which nothing may have open; snapshots, certificates and keys
 * stay. The present one is kept aside until `open` has succeeded.
 * @throws what `open` throws, with the earlier state in place
 */
export async function replaceState(stateFolder: string, open: () => Promise<void>): Promise<void> {
  const aside = join(stateFolder, PREVIOUS)
  await mkdir(aside, {mode: 0o700})
  await moveState(stateFolder, aside)
  try {
    await moveState(join(stateFolder, NEXT), stateFolder)
    await open()
  } catch (error) {
    await putBack(stateFolder)
    throw error
  }
  // In one step, so that no half of it is ever taken for the state.
  await rm(join(stateFolder, NEXT), {recursive: true, force: true})
  await rename(aside, join(stateFolder, NEXT))
  await rm(join(stateFolder, NEXT), {recursive: true, force: true})
}

/**
 * Puts the earlier state back if a crash left it aside.
 * @throws StateError `state-in-use` if a local cloud is replacing it right now
 */
export async function recoverState(stateFolder: string): Promise<void> {
  if ((await partsIn(join(stateFolder, PREVIOUS))) === undefined) return
  try {
    const opened = await openState({folder: stateFolder, schemas: []})
    await opened[Symbol.asyncDispose]()
  } catch (error) {
    // What does not open is about to be replaced.
    if (error instanceof StateError && error.code === 'state-in-use') throw error
  }
  await putBack(stateFolder)
}

async function putBack(stateFolder: string): Promise<void> {
  const previous = join(stateFolder, PREVIOUS)
  // The log of another database would damage the one that comes back.
  if ((await partsIn(previous))?.includes(DATABASE) === true) await removeLog(stateFolder)
  await moveState(previous, stateFolder)
  await rm(previous, {recursive: true})
}

/** Names, in alphabetical order. */
export async function listSnapshots(stateFolder: string): Promise<string[]> {
  const names = (await partsIn(folderOf(stateFolder))) ?? []
  return names.filter((name) => !name.startsWith('.')).toSorted()
}

/** Moves each part of a closed state, if there is one, over the part of that name. */
async function moveState(from: string, to: string): Promise<void> {
  const parts = (await partsIn(from)) ?? []
  // The database last: where it lies, the state is whole.
  for (const name of [BLOBS, ...LOG, DATABASE].filter((each) => parts.includes(each))) {
    await rm(join(to, name), {recursive: true, force: true})
    await rename(join(from, name), join(to, name))
  }
}

async function removeLog(folder: string): Promise<void> {
  for (const name of LOG) await rm(join(folder, name), {force: true})
}

/** @returns `undefined` if there is no such folder */
async function partsIn(folder: string): Promise<string[] | undefined> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
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
