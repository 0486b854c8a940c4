import type {DatabaseSync} from 'node:sqlite'

/** More than the resources of one kind that a local cloud usually has. */
const MOST_KEPT = 1000

/** What was read of rows that are asked for with each request and seldom change. Do not change what it returns. */
export class RowCache<T> {
  readonly #database: DatabaseSync
  readonly #read: (key: string) => T | undefined
  readonly #kept = new Map<string, T>()

  constructor(database: DatabaseSync, read: (key: string) => T | undefined) {
    this.#database = database
    this.#read = read
  }

  get(key: string): T | undefined {
    const kept = this.#kept.get(key)
    if (kept !== undefined) return kept
    const found = this.#read(key)
    // What a transaction sees may be undone.
    if (found === undefined || this.#database.isTransaction) return found
    if (this.#kept.size >= MOST_KEPT) this.#kept.clear()
    this.#kept.set(key, found)
    return found
  }

  /** To be called with each change to such rows, inside its `State.write`. */
  clear(): void {
    this.#kept.clear()
  }
}
