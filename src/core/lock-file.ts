import {rm, stat} from 'node:fs/promises'
import {dirname} from 'node:path'
import type {DatabaseSync} from 'node:sqlite'
import {setTimeout as delay} from 'node:timers/promises'
import {AppError} from './errors.ts'
import {makeRoom} from './full-disk.ts'

export interface HoldOptions {
  readonly signal: AbortSignal
  /** How long to wait for another process that holds the file, in milliseconds. */
  readonly timeoutMs: number
  /** The error to throw after that. */
  readonly busy: () => Error | Promise<Error>
  /** Called each time the file is found held by another process. */
  readonly waiting?: () => void | Promise<void>
}

const POLL_MS = 25

/** SQLITE_BUSY and SQLITE_FULL, https://sqlite.org/rescode.html */
const BUSY = 5
const FULL = 13

/**
 * Runs `work` while this process alone holds a file, which is removed afterwards. The lock is the operating system's
 * own, taken by SQLite, so it ends with a killed process: there are no stale locks to break.
 * @param path of a file used only for this
 * @throws the error of `busy`; AppError `disk-full`; the signal's reason
 */
export async function holdingFile<R>(path: string, options: HoldOptions, work: () => Promise<R>): Promise<R> {
  const database = await hold(path, options)
  try {
    return await work()
  } finally {
    await rm(path, {force: true}).catch(ignoreOnWindows)
    database.close()
  }
}

async function hold(path: string, {signal, timeoutMs, busy, waiting}: HoldOptions): Promise<DatabaseSync> {
  const sqlite = await import('node:sqlite')
  const since = performance.now()
  for (;;) {
    signal.throwIfAborted()
    const found = await identityOf(path)
    const database = new sqlite.DatabaseSync(path)
    try {
      database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE')
      // Another holder may have removed the file between the check and the lock: then the lock is on a file that no
      // other process will find. Reading the file to find out would drop the lock (fcntl), so its inode is compared.
      if (found !== undefined && found === (await identityOf(path))) return database
      database.close()
    } catch (error) {
      database.close()
      const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined
      if (code === FULL) {
        throw new AppError(`Not enough room on the disk for the lock ${path}.`, {
          code: 'disk-full',
          suggestions: makeRoom(dirname(path)),
          cause: error,
        })
      }
      if (code !== BUSY) throw error
      if (performance.now() - since >= timeoutMs) throw await busy()
      await waiting?.()
      await delay(POLL_MS, undefined, {signal})
    }
  }
}

/** @returns `undefined` if there is no such file */
async function identityOf(path: string): Promise<bigint | undefined> {
  const found = await stat(path, {bigint: true}).catch(() => undefined)
  return found?.ino
}

/** Windows cannot remove an open file; the next holder takes it over. */
function ignoreOnWindows(error: unknown): void {
  if (process.platform !== 'win32') throw error
}
