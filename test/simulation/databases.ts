import {DatabaseSync} from 'node:sqlite'
import type {DiskWeather} from './disk-weather.ts'
import {DiskFailure, theProcess, type World} from './world.ts'

/** How long a process may live after its disk failed. */
const LAST_MOMENTS_MS = 1000

/** A sync of a log that has begun. */
interface LogSync {
  /** What the database was like at its beginning, if there were commits since then. */
  image?: Uint8Array
}

export const logOf = (database: string): string => `${database}-wal`

/** The databases on a disk, in memory. A sync of its log makes the commits of one safe from a loss of power. */
export class Databases {
  readonly #world: World
  readonly #weather: DiskWeather
  readonly #databases = new Map<string, DatabaseSync>()
  /** What those with commits since the last sync of their logs were like at that sync. */
  readonly #synced = new Map<string, Uint8Array>()
  readonly #syncing = new Map<string, Set<LogSync>>()
  /** Those whose logs have a hole since a sync failed: later syncs succeed, and make nothing safe. */
  readonly #broken = new Set<string>()

  constructor(world: World, weather: DiskWeather) {
    this.#world = world
    this.#weather = weather
  }

  open(path: string): {database: DatabaseSync; isNew: boolean} {
    const known = this.#databases.get(path)
    if (known !== undefined) return {database: known, isNew: false}
    const database = new DatabaseSync(':memory:')
    this.#databases.set(path, database)
    return {database, isNew: true}
  }

  images(): [string, Uint8Array][] {
    return [...this.#databases].map(([path, database]) => [path, database.serialize()])
  }

  /** To be called before a transaction of the database in a file begins. */
  willCommit(path: string): void {
    const {database} = this.open(path)
    if (!this.#synced.has(path)) this.#synced.set(path, database.serialize())
    for (const sync of this.#syncing.get(path) ?? []) sync.image ??= database.serialize()
  }

  /** All commits move from the log into the database, and are safe. */
  checkpoint(path: string): void {
    if (this.#weather.isDatabaseFull) return
    this.#synced.delete(path)
    this.#broken.delete(path)
  }

  /**
   * Begins to make safe what was committed until now.
   * @returns what ends it; `undefined` if the file is not the log of a database
   */
  sync(log: string): (() => void) | undefined {
    const path = [...this.#databases.keys()].find((database) => logOf(database) === log)
    if (path === undefined) return undefined
    const sync: LogSync = {}
    const syncs = this.#syncing.get(path) ?? new Set()
    this.#syncing.set(path, syncs.add(sync))
    return () => {
      syncs.delete(sync)
      if (this.#weather.failsNextSync) this.#failSync(path)
      if (this.#broken.has(path)) return
      if (sync.image === undefined) this.#synced.delete(path)
      else this.#synced.set(path, sync.image)
      this.#weather.afterSync()
    }
  }

  /** Transactions that the process did not commit are undone. */
  abandon(): void {
    this.#syncing.clear()
    for (const database of this.#databases.values()) if (database.isTransaction) database.exec('ROLLBACK')
  }

  /** Commits since the last sync are there or not. */
  losePower(): void {
    for (const [path, bytes] of this.#synced) {
      if (this.#world.chance(0.5)) continue
      this.#world.log(`disk: loses the last commit of ${path}`)
      // Not into the one whose statements the dead process still holds.
      const database = new DatabaseSync(':memory:')
      database.deserialize(bytes)
      this.#databases.set(path, database)
    }
    this.#synced.clear()
    this.#broken.clear()
  }

  #failSync(path: string): never {
    this.#weather.failsNextSync = false
    this.#broken.add(path)
    this.#world.log(`disk: fails to sync the log of ${path}`)
    const process = theProcess()
    const check = (): void => {
      if (process?.isAlive === true) this.#world.violate('a process survives that its disk failed to sync')
    }
    this.#world.schedule(LAST_MOMENTS_MS, check, 'world')
    throw new DiskFailure('EIO: i/o error, fdatasync')
  }
}
