import {existsSync, watch, type FSWatcher} from 'node:fs'
import {readdir, stat} from 'node:fs/promises'
import {join, relative} from 'node:path'

/** An editor writes a file in several steps, and several files at once: so long nothing more may come. */
const SETTLE_MS = 30
/** What is written all the time is not waited for any longer. */
const LONGEST_SETTLE_MS = 500

/** What no worker is made of: packages, caches, what begins with a dot or is an editor's own. */
const IGNORED = /^(?:\..*|node_modules|__pycache__|.*~|.*\.pyc|4913)$/

/** Watches a folder with all that is below it. */
export interface FolderWatch extends Disposable {
  /** Waits for changes that were not told yet, and for a moment of quiet after them. @returns paths in the folder */
  next(signal: AbortSignal): Promise<string[]>
}

/**
 * Watches a folder from now on. Each folder is watched by itself: Node's own recursion would watch every package in
 * node_modules too.
 */
export async function watchFolder(folder: string): Promise<FolderWatch> {
  const watchers = new Map<string, FSWatcher>()
  const changed = new Set<string>()
  let changes = Promise.withResolvers<void>()

  const note = (path: string): void => {
    changed.add(relative(folder, path))
    changes.resolve()
  }
  /** @returns whether it is a folder that was not watched yet */
  const cover = async (path: string): Promise<boolean> => {
    if (!(await stat(path)).isDirectory() || watchers.has(path)) return false
    const watcher = watch(path, (_, name) => {
      if (name === null || IGNORED.test(name)) return
      const changedPath = join(path, name)
      note(changedPath)
      // Of a new folder: what was put into it before it was watched.
      void cover(changedPath).then(
        (isNew) => isNew && note(changedPath),
        () => undefined,
      )
    })
    watcher.on('error', () => {
      watcher.close()
      watchers.delete(path)
    })
    watchers.set(path, watcher)
    for (const entry of await readdir(path, {withFileTypes: true})) {
      if (entry.isDirectory() && !IGNORED.test(entry.name)) await cover(join(path, entry.name))
    }
    return true
  }

  await cover(folder)
  return {
    async next(signal) {
      await orAborted(changes.promise, signal)
      const until = performance.now() + LONGEST_SETTLE_MS
      for (let before = -1; before !== changed.size && performance.now() < until;) {
        before = changed.size
        await orAborted(new Promise((resolve) => setTimeout(resolve, SETTLE_MS)), signal)
      }
      const told = [...changed].toSorted()
      changed.clear()
      changes = Promise.withResolvers()
      // What an editor wrote beside a file, to put it in its place, is gone by now; so may all be that is told.
      const left = told.filter((path) => existsSync(join(folder, path)))
      return left.length > 0 ? left : told
    },
    [Symbol.dispose]() {
      for (const watcher of watchers.values()) watcher.close()
      watchers.clear()
    },
  }
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
