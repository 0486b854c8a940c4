import type {DatabaseSync} from 'node:sqlite'
import type {Blobs} from './blobs.ts'

/** The tables of one service. Each entry of `migrations` is SQL that takes them from version i to version i + 1. */
export interface Schema {
  readonly name: string
  readonly migrations: readonly string[]
}

/** What survives a `kill -9`: rows in SQLite, and blobs. */
export interface State extends AsyncDisposable {
  readonly folder: string
  /** For reads, at any time; all changes go through `write`. */
  readonly database: DatabaseSync
  readonly blobs: Blobs
  /**
   * Runs `change` (synchronous, may read and write) in a transaction and resolves with its result once that is
   * durable. Changes handed in at about the same time share one commit. A change that throws is undone alone, and
   * its error is the rejection. Changes are made in the order in which they are handed in.
   * @param options.canWait some milliseconds for another change to share its commit with; for what no caller waits for
   */
  write<T>(change: () => T, options?: {canWait?: boolean}): Promise<T>
  /**
   * Like `write`, for what has happened already and cannot be refused: waits while the disk is full. `change` may run
   * several times, after later changes.
   */
  record<T>(change: () => T): Promise<T>
  /** From now on `record` rejects as `write` does; called before a stop. */
  giveUpWaiting(): void
}
