import {type FileHandle, mkdir, open} from 'node:fs/promises'
import {join} from 'node:path'
import {DatabaseSync} from 'node:sqlite'
import {setTimeout as delay} from 'node:timers/promises'
import {openBlobs} from './blobs.ts'
import {asDiskFull, DiskFullError, isDiskFull, namingDisk} from '../disk-full.ts'
import {smallBlobsSchema, withSmallBlobs} from './small-blobs.ts'
import type {Schema, State} from './state.ts'

/** Why a state folder cannot be used; the code is stable. */
export class StateError extends Error {
  override readonly name = 'StateError'
  readonly code: 'state-in-use' | 'state-version' | 'state-unreadable'

  constructor(code: StateError['code'], message: string, cause?: unknown) {
    super(message, {cause})
    this.code = code
  }
}

/** How long a change may wait for another one to share its commit with. */
const WAIT_MS = 10
/** Between two attempts to record what happened while the disk is full. */
const ROOM_MS = 1000

/** A change that waits for its commit. */
interface Pending {
  run(): void
  settle(): void
  fail(error: unknown): void
}

class Change<T> implements Pending {
  readonly #change: () => T
  readonly #resolve: (value: T) => void
  readonly fail: (error: unknown) => void
  #result: {readonly value: T} | undefined

  constructor(change: () => T, resolve: (value: T) => void, reject: (error: unknown) => void) {
    this.#change = change
    this.#resolve = resolve
    this.fail = reject
  }

  run(): void {
    this.#result = {value: this.#change()}
  }

  settle(): void {
    if (this.#result) this.#resolve(this.#result.value)
  }
}

/** Resolves or rejects the promise of a change. */
type Answer = () => void

const DATABASE = 'state.db'

/**
 * Opens the state in `folder`, created if it is missing and brought to the newest version of each schema.
 *
 * One process holds it at a time: SQLite's exclusive locking mode keeps the file lock, which the kernel drops
 * with the process, however it ends.
 * @throws StateError if another process has it open, a newer version created it, or it is not a state folder
 */
export async function openState({
  folder,
  schemas,
}: {
  folder: string
  schemas: readonly Schema[]
}): Promise<State> {
  const files = await namingDisk(folder, async () => {
    await mkdir(folder, {recursive: true, mode: 0o700})
    return openBlobs(join(folder, 'blobs'))
  })
  const database = openDatabase(folder)
  try {
    migrate(database, folder, [smallBlobsSchema, ...schemas])
  } catch (error) {
    database.close()
    throw asDiskFull(error, folder)
  }

  const blobs = withSmallBlobs(files, database)
  const commit = committer(database, folder)
  // SQLite creates its write-ahead log with the database, and keeps the file until it closes.
  const log = await open(join(folder, `${DATABASE}-wal`), 'r+')
  const waitingForRoom = new AbortController()
  let queue: Pending[] = []
  let due: NodeJS.Immediate | undefined
  let dueLater: NodeJS.Timeout | undefined
  let syncing: Promise<void> | undefined
  let isDue = false
  const clear = (): void => {
    clearImmediate(due)
    clearTimeout(dueLater)
    due = undefined
    dueLater = undefined
  }
  const flush = (): void => {
    clear()
    // What arrives while a commit is on its way to the disk shares the next one.
    if (syncing !== undefined) {
      isDue = true
      return
    }
    const changes = queue
    queue = []
    const answers = changes.length === 0 ? [] : commit(changes)
    if (answers.length === 0) return
    syncing = settle(answers)
  }
  const settle = async (answers: readonly Answer[]): Promise<void> => {
    await sync(log, folder)
    for (const answer of answers) answer()
    syncing = undefined
    if (isDue) due ??= setImmediate(flush)
    isDue = false
  }
  const drain = async (): Promise<void> => {
    flush()
    await syncing
    if (queue.length > 0) await drain()
  }
  const write = <T>(change: () => T, {canWait = false}: {canWait?: boolean} = {}): Promise<T> =>
    new Promise((resolve, reject) => {
      if (canWait) dueLater ??= setTimeout(flush, WAIT_MS)
      else due ??= setImmediate(flush)
      queue.push(new Change(change, resolve, reject))
    })
  return {
    folder,
    database,
    blobs,
    write,
    async record(change) {
      for (;;) {
        try {
          return await write(change)
        } catch (error) {
          if (!isDiskFull(error) || waitingForRoom.signal.aborted) throw error
        }
        await delay(ROOM_MS, undefined, {ref: false, signal: waitingForRoom.signal}).catch(() => undefined)
      }
    },
    giveUpWaiting: () => waitingForRoom.abort(),
    async [Symbol.asyncDispose]() {
      await drain()
      blobs[Symbol.dispose]()
      database.close()
      await log.close()
    },
  }
}

/**
 * Resolves once the log is on the disk; if the disk fails, never: an uncaught error ends the process, and the next start
 * recovers what was stored. Linux reports such a failure once (https://lwn.net/Articles/752063/), so the next sync would
 * succeed, and acknowledge changes that follow lost ones in the log.
 */
async function sync(log: FileHandle, folder: string): Promise<void> {
  try {
    await log.datasync()
  } catch (cause) {
    const failure = new Error(
      `The disk failed to store the latest changes to the state in ${folder}, so the local cloud ends: none of them was acknowledged. Check the disk, then start it again; it continues with what was stored.`,
      {cause},
    )
    return new Promise(() => {
      setImmediate(() => {
        throw failure
      })
    })
  }
}

/**
 * Runs changes in one transaction. One that throws is undone alone; a failed commit, or a closed database, fails them all.
 * @returns the answers to give once the commit is synced. One that refuses a change waits too: it may follow from another
 *   change of the commit. Empty if nothing was committed; all have their answers then.
 */
function committer(database: DatabaseSync, folder: string): (changes: readonly Pending[]) => Answer[] {
  const begin = database.prepare('BEGIN IMMEDIATE')
  const save = database.prepare('SAVEPOINT change')
  const undo = database.prepare('ROLLBACK TO change')
  const release = database.prepare('RELEASE change')
  const end = database.prepare('COMMIT')
  return (changes) => {
    const answers: Answer[] = []
    let hasChanged = false
    try {
      begin.run()
      for (const change of changes) {
        save.run()
        try {
          change.run()
          hasChanged = true
          answers.push(() => change.settle())
        } catch (error) {
          // SQLite may have rolled back the whole transaction itself, as it does when the disk is full.
          if (!database.isTransaction) throw error
          undo.run()
          const failure = asDiskFull(error, folder)
          answers.push(() => change.fail(failure))
        }
        release.run()
      }
      end.run()
    } catch (error) {
      if (database.isOpen && database.isTransaction) database.exec('ROLLBACK')
      const failure = asDiskFull(error, folder)
      if (failure instanceof DiskFullError) shrinkLog(database)
      for (const change of changes) change.fail(failure)
      return []
    }
    if (hasChanged) return answers
    for (const answer of answers) answer()
    return []
  }
}

/** Frees the space that a failed transaction took in the write-ahead log, as far as the full disk allows. */
function shrinkLog(database: DatabaseSync): void {
  try {
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  } catch {
    // The next checkpoint reuses the room.
  }
}

function openDatabase(folder: string): DatabaseSync {
  const file = join(folder, DATABASE)
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(file, {timeout: 500})
    database.exec(
      'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY',
    )
    database.exec(
      'BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS schema_versions (name TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT; COMMIT',
    )
    emptyLog(database)
    return database
  } catch (error) {
    database?.close()
    if (isDiskFull(error)) throw asDiskFull(error, folder)
    const message = error instanceof Error ? error.message : String(error)
    if (/database is locked/.test(message))
      throw new StateError('state-in-use', `Another local cloud has the state file ${file} open.`, error)
    throw new StateError('state-unreadable', `The state file ${file} cannot be used: ${message}.`, error)
  }
}

/** So that no change depends on what an earlier process may have failed to sync; after a clean stop, the log is empty. */
function emptyLog(database: DatabaseSync): void {
  try {
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  } catch (error) {
    // A full disk still serves reads.
    if (!isDiskFull(error)) throw error
  }
}

function migrate(database: DatabaseSync, folder: string, schemas: readonly Schema[]): void {
  const names = database.prepare('SELECT name FROM schema_versions')
  const select = database.prepare('SELECT version FROM schema_versions WHERE name = ?')
  const update = database.prepare(
    'INSERT INTO schema_versions (name, version) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET version = excluded.version',
  )
  // One commit for all: each costs a sync.
  database.exec('BEGIN IMMEDIATE')
  try {
    const known = new Set(schemas.map(({name}) => name))
    const unknown = names.all().find(({name}) => !known.has(String(name)))
    if (unknown !== undefined) {
      throw new StateError(
        'state-version',
        `The state in ${folder} was written by a newer cloud-runner (it has ${String(unknown['name'])}, which this one does not know).`,
      )
    }
    for (const {name, migrations} of schemas) {
      const version = Number(select.get(name)?.['version'] ?? 0)
      if (version > migrations.length) {
        throw new StateError(
          'state-version',
          `The state in ${folder} was written by a newer cloud-runner (${name} version ${version}, this one knows ${migrations.length}).`,
        )
      }
      for (const [index, sql] of migrations.entries()) {
        if (index < version) continue
        database.exec(sql)
        update.run(name, index + 1)
      }
    }
    database.exec('COMMIT')
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}
