import {dirname} from 'node:path'
import type {DatabaseSync} from 'node:sqlite'
import {Databases, logOf} from './databases.ts'
import type {DiskWeather} from './disk-weather.ts'
import type {World} from './world.ts'

/** Everything below this folder is on the simulated disk. */
export const DISK = '/simulated'

/** The bytes of a file: as programs see them, and as they are after a loss of power. */
interface File {
  bytes: Buffer
  synced: Buffer
}

type Entry = File | 'folder'

/**
 * A disk that keeps what was synced and, after a loss of power, may or may not keep the rest: the bytes of each file,
 * and each name in a folder.
 */
export class Disk {
  readonly weather: DiskWeather
  readonly #world: World
  #entries = new Map<string, Entry>([[DISK, 'folder']])
  /** Names that are safe, with what is behind them. */
  #safe = new Map<string, Entry>([[DISK, 'folder']])
  readonly #open = new Map<number, {path: string; file: File | undefined}>()
  readonly databases: Databases
  /** The newest sync of each file and folder that has ended. */
  readonly #ended = new Map<File | string, number>()
  #lastSync = 0
  #lastDescriptor = 1000

  constructor(world: World, weather: DiskWeather) {
    this.#world = world
    this.weather = weather
    this.databases = new Databases(world, weather)
  }

  /** The database in a file, in memory, with a log beside it, whose sync makes commits safe from a loss of power. */
  database(path: string): DatabaseSync {
    const {database, isNew} = this.databases.open(path)
    if (!isNew) return database
    const log = {bytes: Buffer.alloc(0), synced: Buffer.alloc(0)}
    this.#entries.set(logOf(path), log)
    this.#safe.set(logOf(path), log)
    return database
  }

  /** Everything on it, for another disk. */
  image(): DiskImage {
    return {
      entries: [...this.#entries].map(([path, entry]) => [
        path,
        entry === 'folder' ? undefined : entry.bytes,
      ]),
      databases: this.databases.images(),
    }
  }

  load({entries, databases}: DiskImage): void {
    for (const [path, bytes] of entries) {
      const entry = bytes === undefined ? 'folder' : {bytes, synced: bytes}
      this.#entries.set(path, entry)
      this.#safe.set(path, entry)
    }
    for (const [path, bytes] of databases) this.database(path).deserialize(bytes)
  }

  /** What a process that ends leaves: transactions that it did not commit are undone. */
  abandon(): void {
    this.#open.clear()
    this.databases.abandon()
  }

  /** A loss of power: whatever was not synced is there or not, each for itself. */
  losePower(): void {
    this.abandon()
    for (const path of new Set([...this.#entries.keys(), ...this.#safe.keys()])) {
      const safe = this.#safe.get(path)
      if (this.#entries.get(path) === safe || this.#world.chance(0.5)) continue
      this.#world.log(`disk: ${this.#entries.has(path) ? 'loses' : 'keeps'} ${path}`)
      if (safe === undefined) this.#entries.delete(path)
      else this.#entries.set(path, safe)
    }
    // What lies in a lost folder is lost with it.
    for (const path of this.#entries.keys())
      if (path !== DISK && this.#entries.get(dirname(path)) !== 'folder') this.#entries.delete(path)
    for (const entry of this.#entries.values())
      if (entry !== 'folder' && this.#world.chance(0.8)) entry.bytes = entry.synced
    for (const entry of this.#entries.values()) if (entry !== 'folder') entry.synced = entry.bytes
    this.databases.losePower()
    this.#safe = new Map(this.#entries)
  }

  has(path: string): boolean {
    return this.#entries.has(path)
  }

  /** With those above it. @returns the highest that was missing */
  createFolder(path: string): string | undefined {
    if (this.#entries.get(path) === 'folder') return undefined
    const highest = this.createFolder(dirname(path)) ?? path
    this.#entries.set(path, 'folder')
    return highest
  }

  names(folder: string): {name: string; isFolder: boolean}[] {
    if (this.#entries.get(folder) !== 'folder') throw missing(folder)
    return [...this.#entries]
      .filter(([path]) => path !== DISK && dirname(path) === folder)
      .map(([path, entry]) => ({name: path.slice(folder.length + 1), isFolder: entry === 'folder'}))
  }

  rename(from: string, to: string): void {
    const entry = this.#entries.get(from)
    if (entry === undefined) throw missing(from)
    if (this.#entries.get(dirname(to)) !== 'folder') throw missing(to)
    this.#entries.delete(from)
    this.#entries.set(to, entry)
  }

  remove(path: string): void {
    for (const other of this.#entries.keys())
      if (other === path || other.startsWith(`${path}/`)) this.#entries.delete(other)
  }

  read(path: string): Buffer {
    const entry = this.#entries.get(path)
    if (entry === undefined || entry === 'folder') throw missing(path)
    return entry.bytes
  }

  open(path: string, flags: string): number {
    const entry = this.#entries.get(path)
    if (entry === 'folder') return this.#opened(path, undefined)
    if (flags.includes('x') && entry !== undefined) throw failure('EEXIST', `EEXIST: ${path}`)
    if (entry !== undefined && !flags.startsWith('w')) return this.#opened(path, entry)
    if (!flags.startsWith('w')) throw missing(path)
    if (this.#entries.get(dirname(path)) !== 'folder') throw missing(path)
    this.#refuseIfFull()
    const file: File = {bytes: Buffer.alloc(0), synced: Buffer.alloc(0)}
    if (entry === undefined) this.#entries.set(path, file)
    else entry.bytes = file.bytes
    return this.#opened(path, entry ?? file)
  }

  /** The bytes of an open file. */
  bytes(descriptor: number): Buffer {
    return this.#fileOf(descriptor).bytes
  }

  write(descriptor: number, bytes: Uint8Array, position: number): void {
    this.#refuseIfFull()
    const file = this.#fileOf(descriptor)
    const size = Math.max(file.bytes.length, position + bytes.length)
    const next = Buffer.alloc(size)
    next.set(file.bytes)
    next.set(bytes, position)
    file.bytes = next
  }

  truncate(descriptor: number, size: number): void {
    const file = this.#fileOf(descriptor)
    file.bytes = Buffer.from(file.bytes.subarray(0, size))
  }

  /**
   * Begins to make the bytes of a file, or the names in a folder, safe: those of now, whatever changes until the end.
   * @returns what ends it
   */
  sync(descriptor: number): () => void {
    const opened = this.#open.get(descriptor)
    if (opened === undefined) throw failure('EBADF', 'EBADF: bad file descriptor')
    const {path, file} = opened
    const end =
      file === undefined
        ? this.#syncFolder(path)
        : (this.databases.sync(path) ?? this.#syncFile(file, file.bytes))
    this.#lastSync += 1
    const sync = this.#lastSync
    return () => {
      // One that began later knows more.
      if ((this.#ended.get(file ?? path) ?? 0) > sync) return
      this.#ended.set(file ?? path, sync)
      end()
    }
  }

  close(descriptor: number): void {
    if (!this.#open.delete(descriptor)) throw failure('EBADF', 'EBADF: bad file descriptor')
  }

  #syncFile(file: File, bytes: Buffer): () => void {
    return () => {
      file.synced = bytes
    }
  }

  #syncFolder(folder: string): () => void {
    const within = (entries: ReadonlyMap<string, Entry>): [string, Entry][] =>
      [...entries].filter(([path]) => path !== DISK && dirname(path) === folder)
    const names = within(this.#entries)
    return () => {
      for (const [path] of within(this.#safe)) this.#safe.delete(path)
      for (const [path, entry] of names) this.#safe.set(path, entry)
    }
  }

  #opened(path: string, file: File | undefined): number {
    this.#lastDescriptor += 1
    this.#open.set(this.#lastDescriptor, {path, file})
    return this.#lastDescriptor
  }

  #fileOf(descriptor: number): File {
    const file = this.#open.get(descriptor)?.file
    if (file === undefined) throw failure('EBADF', 'EBADF: bad file descriptor')
    return file
  }

  #refuseIfFull(): void {
    if (this.weather.isFull) throw failure('ENOSPC', 'ENOSPC: no space left on device, write')
  }
}

/** What is on a disk that nothing uses. */
export interface DiskImage {
  readonly entries: readonly (readonly [string, Buffer | undefined])[]
  readonly databases: readonly (readonly [string, Uint8Array])[]
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), {code})
}

function missing(path: string): Error {
  return failure('ENOENT', `ENOENT: no such file or directory, '${path}'`)
}

let disk: Disk | undefined

export function theDisk(): Disk {
  if (disk === undefined) throw new Error('Nothing is being simulated.')
  return disk
}

export function mount(mounted: Disk): void {
  disk = mounted
}
