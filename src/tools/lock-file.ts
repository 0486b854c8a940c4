import {dirname} from 'node:path'
import type {DatabaseSync} from 'node:sqlite'
import {setTimeout as delay} from 'node:timers/promises'
import {AppError} from '../core/errors.ts'
import {makeRoom} from '../core/full-disk.ts'

export interface LockOptions {
  readonly signal: AbortSignal
  readonly timeoutMs: number
  /** The error where somebody else holds it all that time. */
  readonly busy: () => Error
}

const POLL_MS = 25

/** SQLITE_BUSY and SQLITE_FULL, https://sqlite.org/rescode.html */
const BUSY = 5
const FULL = 13

/**
 * Does work while this process alone holds the file. The lock is the operating system's own, taken by
 * SQLite, so that it goes with a process that is killed: there is no stale lock to break.
 * @param path of a file that is made for this and holds nothing else
 * @throws AppError `disk-full`
 */
export async function withLock<R>(path: string, options: LockOptions, work: () => Promise<R>): Promise<R> {
  const database = await lock(path, options)
  try {
    return await work()
  } finally {
    database.close()
  }
}

async function lock(path: string, {signal, timeoutMs, busy}: LockOptions): Promise<DatabaseSync> {
  const sqlite = await import('node:sqlite')
  const since = performance.now()
  for (;;) {
    signal.throwIfAborted()
    const database = new sqlite.DatabaseSync(path)
    try {
      database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE')
      return database
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
      if (performance.now() - since > timeoutMs) throw busy()
      await delay(POLL_MS, undefined, {signal})
    }
  }
}
