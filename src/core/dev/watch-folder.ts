import {existsSync, watch, type FSWatcher} from 'node:fs'
import {readdir, stat} from 'node:fs/promises'
import {basename, dirname, join, relative, resolve, sep} from 'node:path'
import {codeOf} from '../system-error.ts'

/** An editor writes a file in several steps, and several files at once: so long nothing more may come. */
const SETTLE_MS = 30
/** What is written all the time is not waited for any longer. */
const LONGEST_SETTLE_MS = 500

/** What no worker is made of: packages, caches, what begins with a dot or is an editor's own. */
const IGNORED = /^(?:\..*|node_modules|__pycache__|.*~|.*\.pyc|4913)$/

/** Watches a folder with all that is below it. */
export interface FolderWatch extends AsyncDisposable {
  /**
   * Waits for changes that were not told yet, and for a moment of quiet after them.
   * @returns paths in the folder; `.` is the folder itself
   */
  next(signal: AbortSignal): Promise<string[]>
}

/**
 * Watches a folder from now on. Each folder is watched by itself: Node's own recursion would watch every package in
 * node_modules too.
 */
export async function watchFolder(path: string): Promise<FolderWatch> {
  const folder = resolve(path)
  const watchers = new Map<string, FSWatcher>()
  const changed = new Set<string>()
  let events = 0
  let changes = Promise.withResolvers<void>()
  let isDisposed = false

  const note = (noted: string): void => {
    events++
    changed.add(relative(folder, noted) || '.')
    changes.resolve()
  }
  const release = (released: string): void => {
    for (const [watched, watcher] of watchers) {
      if (watched !== released && !watched.startsWith(released + sep)) continue
      watcher.close()
      watchers.delete(watched)
    }
  }
  /** @returns whether it is a folder, which is watched now */
  const cover = async (covered: string): Promise<boolean> => {
    if (!(await stat(covered)).isDirectory() || isDisposed) return false
    const watcher = watch(covered, (type, name) => {
      if (name === null || IGNORED.test(name)) return
      const inside = join(covered, name)
      // Of itself a folder tells by its own name, as if that were in it.
      const isItself = name === basename(covered) && !existsSync(inside)
      note(isItself ? covered : inside)
      if (type === 'rename' && !isItself) renew(inside)
    })
    watcher.on('error', () => release(covered))
    watchers.set(covered, watcher)
    for (const entry of await readdir(covered, {withFileTypes: true})) {
      if (!entry.isDirectory() || IGNORED.test(entry.name)) continue
      await cover(join(covered, entry.name)).catch((error: unknown) => {
        if (!isGone(error)) throw error
      })
    }
    return true
  }

  // One after the other: each folder is watched before what is in it is read, so that whatever takes the place of a
  // folder is told by the one above, and is covered after the folder that was there.
  let work: Promise<void> = Promise.resolve()
  const renew = (renewed: string): void => {
    const before = work
    work = (async () => {
      await before
      // A watcher stays with a folder that was removed or moved, whatever has its path now.
      release(renewed)
      // Where it is gone again, or cannot be watched, what happened to it was told.
      const isCovered = await cover(renewed).catch(() => false)
      // What was put into it before it was watched is told by its name.
      if (isCovered) note(renewed)
    })()
  }

  // Before the folder itself, for the same reason.
  const above = watch(dirname(folder), (type, name) => {
    if (type !== 'rename' || name !== basename(folder)) return
    note(folder)
    renew(folder)
  })
  const end = async (): Promise<void> => {
    isDisposed = true
    above.close()
    await work
    release(folder)
  }
  const first = cover(folder)
  work = first.then(
    () => undefined,
    () => undefined,
  )
  try {
    await first
  } catch (error) {
    await end()
    throw error
  }
  return {
    async next(signal) {
      await orAborted(changes.promise, signal)
      const until = performance.now() + LONGEST_SETTLE_MS
      for (let before = -1; before !== events && performance.now() < until;) {
        before = events
        await orAborted(new Promise((done) => setTimeout(done, SETTLE_MS)), signal)
      }
      const told = [...changed].toSorted()
      changed.clear()
      changes = Promise.withResolvers()
      // What an editor wrote beside a file, to put it in its place, is gone by now; so may all be that is told.
      const left = told.filter((one) => existsSync(join(folder, one)))
      return left.length > 0 ? left : told
    },
    [Symbol.asyncDispose]: end,
  }
}

function isGone(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

async function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const {promise, reject} = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort, {once: true})
  try {
    await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
