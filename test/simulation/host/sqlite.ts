import {DatabaseSync as RealDatabase, type StatementSync} from 'node:sqlite'
import {theDisk} from '../disk.ts'
import {Crash, theProcess, theWorld} from '../world.ts'

/** In place of `node:sqlite`: a database on the simulated disk, whose commits may meet a full disk or a crash. */

/** A crash right before a commit, right after, or what the function does before its sync begins. */
interface CommitCrash {
  readonly when: 'before' | 'after' | (() => void)
  /** How many commits succeed until then. */
  commits: number
}

let planned: CommitCrash | undefined
let splitShare = 0
let lastCommit = 0

export function planCommitCrash(crash: CommitCrash | undefined): void {
  planned = crash
}

/** Crashes between commits of which the second follows the first within a millisecond. @param share of such pairs */
export function splitCommits(share: number): void {
  splitShare = share
  // Of another simulation, whose time is not this one's.
  lastCommit = -1
}

export class DatabaseSync {
  readonly #path: string
  readonly #database: RealDatabase
  readonly #process = theProcess()
  #isOpen = true

  constructor(path: string) {
    this.#path = path
    this.#database = theDisk().database(path)
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get isTransaction(): boolean {
    return this.#isUsable && this.#database.isTransaction
  }

  prepare(sql: string): Pick<StatementSync, 'run'> {
    if (sql === 'BEGIN IMMEDIATE') return {run: () => this.#begin()}
    if (sql === 'COMMIT') return {run: () => this.#commit()}
    return this.#database.prepare(sql)
  }

  exec(sql: string): void {
    if (!this.#isUsable) return
    if (sql.startsWith('PRAGMA wal_checkpoint')) theDisk().databases.checkpoint(this.#path)
    else this.#database.exec(sql)
  }

  close(): void {
    this.#isOpen = false
  }

  get #isUsable(): boolean {
    return this.#isOpen && this.#process?.isAlive !== false
  }

  #begin(): {changes: number; lastInsertRowid: number} {
    if (!this.#isUsable) throw new Error('database is not open')
    theDisk().databases.willCommit(this.#path)
    this.#database.exec('BEGIN IMMEDIATE')
    return {changes: 0, lastInsertRowid: 0}
  }

  #commit(): {changes: number; lastInsertRowid: number} {
    if (!this.#isUsable) throw new Error('database is not open')
    if (theDisk().weather.isDatabaseFull) {
      // SQLite undoes the transaction itself, or leaves that to its caller.
      if (theWorld().chance(0.5)) this.#database.exec('ROLLBACK')
      throw Object.assign(new Error('database or disk is full'), {errcode: 13})
    }
    const follows = lastCommit >= 0 && theWorld().now - lastCommit < 1
    lastCommit = theWorld().now
    if (follows && splitShare > 0 && theWorld().chance(splitShare)) this.#crash('between two commits')
    const crash = planned?.commits === 0 ? planned.when : undefined
    if (planned !== undefined) planned.commits -= 1
    if (crash === 'before') this.#crash('before a commit')
    this.#database.exec('COMMIT')
    if (crash === 'after') this.#crash('after a commit')
    if (typeof crash === 'function') crash()
    return {changes: 0, lastInsertRowid: 0}
  }

  #crash(when: string): never {
    const world = theWorld()
    world.log(`crashes ${when}`)
    planned = undefined
    if (this.#process !== undefined) world.end(this.#process, {code: undefined})
    throw new Crash('the process has ended')
  }
}
