import {existsSync, watch, type FSWatcher} from 'node:fs'
import {readdir, stat} from 'node:fs/promises'
import {basename, dirname, join, relative, resolve, sep} from 'node:path'
import {isIgnored} from '../command-worker/folder-files.ts'
import {codeOf} from '../system-error.ts'

/** How long it must be quiet: editors write a file in several steps, and several files at once. */
const SETTLE_MS = 30
/** Longest wait for quiet, in case something is written continuously. */
const LONGEST_SETTLE_MS = 500

/** A watch on a folder and everything below it. */
export interface FolderWatch extends AsyncDisposable {
  /**
   * Waits for changes that were not yet returned, and for a moment of quiet after them.
   * @returns paths in the folder; `.` is the folder itself
   */
  next(signal: AbortSignal): Promise<string[]>
}

/**
 * Starts watching a folder. Each subfolder gets its own watcher: Node's recursive one would also watch every package
 * in node_modules.
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
  /** @returns whether it is a folder and is now watched */
  const cover = async (covered: string): Promise<boolean> => {
    if (!(await stat(covered)).isDirectory() || isDisposed) return false
    const watcher = watch(covered, (type, name) => {
      if (name === null || isIgnored(name)) return
      const inside = join(covered, name)
      // A folder reports itself by its own name, as if that were inside it.
      const isItself = name === basename(covered) && !existsSync(inside)
      note(isItself ? covered : inside)
      if (type === 'rename' && !isItself) renew(inside)
    })
    watcher.on('error', () => release(covered))
    watchers.set(covered, watcher)
    for (const entry of await readdir(covered, {withFileTypes: true})) {
      if (!entry.isDirectory() || isIgnored(entry.name)) continue
      await cover(join(covered, entry.name)).catch((error: unknown) => {
        if (!isGone(error)) throw error
      })
    }
    return true
  }

  // One after the other: each folder is watched before its contents are read, so whatever replaces a folder is
  // reported by its parent, and covered after the folder it replaces.
  let work: Promise<void> = Promise.resolve()
  const renew = (renewed: string): void => {
    const before = work
    work = (async () => {
      await before
      // A watcher stays with a folder that was removed or moved, whatever is at its path now.
      release(renewed)
      // If it is gone again or cannot be watched, its change was already reported.
      const isCovered = await cover(renewed).catch(() => false)
      // Whatever was added before it was watched is reported by the folder's name.
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
      const paths = [...changed].toSorted()
      changed.clear()
      changes = Promise.withResolvers()
      // Temporary files of editors are gone by now; if everything is gone, all of it is reported.
      const left = paths.filter((one) => existsSync(join(folder, one)))
      return left.length > 0 ? left : paths
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
