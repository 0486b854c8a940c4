import {randomUUID} from 'node:crypto'
import {closeSync, openSync, readSync} from 'node:fs'
import {type FileHandle, mkdir, open, readdir, rename, rm} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import type {Readable} from 'node:stream'
import {codeOf} from '../system-error.ts'
import {FileBody} from '../wire/file-body.ts'
import {HashingWriter} from './blob-writer.ts'
import {namingDisk} from '../disk-full.ts'
import type {Digests} from './hashes.ts'

/** Metadata of finished bytes. */
export interface BlobInfo extends Digests {
  /** Unguessable name of the file; goes into a row. */
  readonly id: string
  readonly sizeBytes: number
  /** For small bytes: stores them; to be called inside the `State.write` of the row that names them. */
  readonly keep?: () => void
}

/** Bytes being received. Invisible until `finish`; a crash leaves nothing that is referred to. */
export interface BlobWriter {
  readonly id: string
  readonly sizeBytes: number
  /**
   * Takes over a chunk: if it is all of its buffer, that is freed once it is written. A full disk may show only at a
   * later call.
   * @returns when to write the next one, if not at once
   */
  write(chunk: Uint8Array): Promise<void> | undefined
  /** Makes what was written so far survive a crash (a resumable upload between two requests). */
  sync(): Promise<void>
  /**
   * Hashes, syncs, renames and closes; the bytes are durable when it resolves. Where it rejects, the file is closed and
   * kept as by `close`.
   */
  finish(): Promise<BlobInfo>
  /** Closes the file and keeps it for `Blobs.resume(id)`. */
  close(): Promise<void>
  /** Removes what was written. */
  discard(): Promise<void>
}

/** Blobs that are files. */
export interface FileBlobs {
  create(options?: {sha256?: boolean}): Promise<BlobWriter>
  /** Continues a blob that nothing refers to as finished, also after a restart. `undefined` if there is none. */
  resume(id: string, options?: {sha256?: boolean}): Promise<BlobWriter | undefined>
  /** Reads a finished blob, `start` and `end` inclusive as in HTTP ranges; the file is open when this returns. */
  read(id: string, range?: {start: number; end: number}): Readable
  /** The same bytes at once, if they are few: a stream costs more than they do. Do not change them. */
  readAtOnce(id: string, range: {start: number; end: number}): Buffer
  /** Keeps the first `sizeBytes` of a blob for `resume`, which frees the space of the rest. */
  cut(id: string, sizeBytes: number): Promise<void>
  /** Path of a finished blob's file. */
  path(id: string): string
  remove(id: string): Promise<void>
  /** Removes every file, finished or not, that nothing refers to: what a crash left behind. */
  sweep(refersTo: (id: string) => boolean): Promise<void>
}

export interface Blobs extends FileBlobs, Disposable {
  /** Names at most `SMALL_BYTES` bytes, which are stored by the `keep` of the result; do not change them afterwards. */
  small(bytes: Buffer): BlobInfo
  /**
   * Inside the `State.write` that removes the last row which names it.
   * @returns the blob to `remove` after the commit, if it is a file
   */
  release(id: string): string | undefined
}

/** Opens the blobs in a folder; creates it if it is missing. */
export async function openBlobs(folder: string): Promise<FileBlobs> {
  const disk = dirname(folder)
  const incoming = join(folder, 'incoming')
  await createFolder(folder)
  await createFolder(incoming)
  const path = (id: string): string => join(folder, id.slice(0, 2), id)
  const incomingPath = (id: string): string => join(incoming, id)

  const remove = async (id: string): Promise<void> => {
    await rm(path(id), {force: true})
    await rm(incomingPath(id), {force: true})
  }

  const folders = new Map<string, Promise<void>>()
  /** Resolves once the folder is durable, also for an upload that finds it there. */
  const makeFolder = async (name: string): Promise<void> => {
    const made = folders.get(name) ?? createFolder(name)
    folders.set(name, made)
    try {
      await made
    } catch (error) {
      folders.delete(name)
      throw error
    }
  }

  const writer = (
    id: string,
    handle: FileHandle,
    sizeBytes: number,
    options: {sha256?: boolean},
  ): BlobWriter => {
    const file = new HashingWriter(handle, sizeBytes, options)
    const finish = async (): Promise<BlobInfo> => {
      try {
        await file.flush()
        await makeFolder(dirname(path(id)))
        await rename(incomingPath(id), path(id))
        // No row names it before both are done, so their order does not matter.
        const [digests] = await Promise.all([file.digest(), file.sync(), syncFolder(dirname(path(id)))])
        await file.close()
        return {id, sizeBytes: file.sizeBytes, ...digests}
      } catch (error) {
        // It may not have come to the renaming; what could not be closed is closed.
        await Promise.allSettled([rename(path(id), incomingPath(id)), file.close()])
        throw error
      }
    }
    const close = async (): Promise<void> => {
      try {
        await file.flush()
      } finally {
        await file.close()
      }
    }
    return {
      id,
      get sizeBytes() {
        return file.sizeBytes
      },
      write(chunk) {
        const writing = file.write(chunk)
        return writing && namingDisk(disk, () => writing)
      },
      sync: () => namingDisk(disk, () => file.sync()),
      finish: () => namingDisk(disk, finish),
      close: () => namingDisk(disk, close),
      async discard() {
        try {
          await file.close()
        } finally {
          await remove(id)
        }
      },
    }
  }

  /** Opens an unfinished blob; one that was finished without a row becomes unfinished again. */
  const reopen = async (id: string): Promise<FileHandle | undefined> => {
    await unlessMissing(rename(path(id), incomingPath(id)))
    return unlessMissing(open(incomingPath(id), 'r+'))
  }

  return {
    create: (options = {}) =>
      namingDisk(disk, async () => {
        const id = randomUUID()
        return writer(id, await open(incomingPath(id), 'wx+', 0o600), 0, options)
      }),
    resume: (id, options = {}) =>
      namingDisk(disk, async () => {
        const handle = await reopen(id)
        if (handle === undefined) return undefined
        const {size} = await handle.stat()
        return writer(id, handle, size, options)
      }),
    async cut(id, sizeBytes) {
      const handle = await reopen(id)
      await handle?.truncate(sizeBytes)
      await handle?.close()
    },
    read: (id, range) => new FileBody(openSync(path(id), 'r'), range),
    readAtOnce(id, {start, end}) {
      const file = openSync(path(id), 'r')
      try {
        const bytes = Buffer.allocUnsafe(end - start + 1)
        let length = 0
        while (length < bytes.length) {
          const more = readSync(file, bytes, length, bytes.length - length, start + length)
          if (more === 0) throw new Error(`Blob ${id} ends at byte ${start + length}, before byte ${end}.`)
          length += more
        }
        return bytes
      } finally {
        closeSync(file)
      }
    },
    path,
    remove,
    async sweep(refersTo) {
      // A folder at a time: there may be millions of files.
      for (const entry of await readdir(folder, {withFileTypes: true})) {
        if (!entry.isDirectory()) continue
        for (const id of await readdir(join(folder, entry.name)))
          if (!refersTo(id)) await rm(join(folder, entry.name, id), {force: true})
      }
    },
  }
}

/** Creates a folder with those above it that are missing; a loss of power does not remove any of them. */
async function createFolder(folder: string): Promise<void> {
  // One that is there may have been created just before a crash, and not be synced.
  const highest = (await mkdir(folder, {recursive: true, mode: 0o700})) ?? folder
  for (let created = folder; created.length >= highest.length; created = dirname(created))
    await syncFolder(dirname(created))
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** What `work` resolves to, `undefined` if its file does not exist. */
async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
