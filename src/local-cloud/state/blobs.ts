import {createHash, randomUUID} from 'node:crypto'
import {createReadStream, openSync} from 'node:fs'
import {type FileHandle, mkdir, open, readdir, rename, rm} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import type {Readable} from 'node:stream'
import {crc32c, crc32cBase64} from './crc32c.ts'

/** What is known of finished bytes. */
export interface BlobInfo {
  /** Unguessable name of the file; goes into a row. */
  readonly id: string
  readonly sizeBytes: number
  /** Base64, as Cloud Storage shows them (crc32c big-endian). */
  readonly md5: string
  readonly crc32c: string
  /** Hexadecimal, as registries use it; only where it was asked for. */
  readonly sha256: string | undefined
}

/** Bytes being received. Invisible until `finish`; a crash leaves nothing that is referred to. */
export interface BlobWriter {
  readonly id: string
  readonly sizeBytes: number
  write(chunk: Uint8Array): Promise<void>
  /** Makes what was written so far survive a crash (a resumable upload between two requests). */
  sync(): Promise<void>
  /** Hashes, syncs and renames; the bytes are durable when it resolves. */
  finish(): Promise<BlobInfo>
  /** Closes the file and keeps it, to be gone on with by `Blobs.resume(id)`. */
  close(): Promise<void>
  /** Removes what was written. */
  discard(): Promise<void>
}

export interface Blobs {
  create(options?: {sha256?: boolean}): Promise<BlobWriter>
  /** Goes on with an unfinished blob, also after a restart. `undefined` where there is none. */
  resume(id: string, options?: {sha256?: boolean}): Promise<BlobWriter | undefined>
  /** Reads a finished blob, `start` and `end` inclusive as in HTTP ranges; the file is open when this returns. */
  read(id: string, range?: {start: number; end: number}): Readable
  /** Path of a finished blob's file. */
  path(id: string): string
  remove(id: string): Promise<void>
  /** Removes every file, finished or not, whose id is not in `referenced`: what a crash left behind. */
  sweep(referenced: ReadonlySet<string>): Promise<void>
}

/** Opens the blobs in a folder; makes it where it is missing. */
export async function openBlobs(folder: string): Promise<Blobs> {
  const incoming = join(folder, 'incoming')
  await mkdir(incoming, {recursive: true, mode: 0o700})
  const path = (id: string): string => join(folder, id.slice(0, 2), id)
  const incomingPath = (id: string): string => join(incoming, id)

  const writer = async (id: string, handle: FileHandle, options: {sha256?: boolean}): Promise<BlobWriter> => {
    const md5 = createHash('md5')
    const sha256 = options.sha256 === true ? createHash('sha256') : undefined
    let checksum = 0
    let sizeBytes = 0
    const take = (chunk: Uint8Array): void => {
      md5.update(chunk)
      sha256?.update(chunk)
      checksum = crc32c(chunk, checksum)
      sizeBytes += chunk.length
    }
    for await (const chunk of handle.createReadStream({start: 0, autoClose: false})) take(chunk)
    return {
      id,
      get sizeBytes() {
        return sizeBytes
      },
      async write(chunk) {
        await writeAll(handle, chunk, sizeBytes)
        take(chunk)
      },
      sync: () => handle.datasync(),
      async finish() {
        await handle.sync()
        await handle.close()
        await mkdir(dirname(path(id)), {recursive: true, mode: 0o700})
        await rename(incomingPath(id), path(id))
        await syncFolder(dirname(path(id)))
        return {
          id,
          sizeBytes,
          md5: md5.digest('base64'),
          crc32c: crc32cBase64(checksum),
          sha256: sha256?.digest('hex'),
        }
      },
      close: () => handle.close(),
      async discard() {
        await handle.close()
        await rm(incomingPath(id), {force: true})
      },
    }
  }

  return {
    async create(options = {}) {
      const id = randomUUID()
      return writer(id, await open(incomingPath(id), 'wx+', 0o600), options)
    },
    async resume(id, options = {}) {
      try {
        return await writer(id, await open(incomingPath(id), 'r+'), options)
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    },
    read: (id, range) =>
      createReadStream('', {
        fd: openSync(path(id), 'r'),
        start: range?.start ?? 0,
        ...(range ? {end: range.end} : {}),
      }),
    path,
    async remove(id) {
      await rm(path(id), {force: true})
      await rm(incomingPath(id), {force: true})
    },
    async sweep(referenced) {
      for (const entry of await readdir(folder, {withFileTypes: true, recursive: true})) {
        if (entry.isFile() && !referenced.has(entry.name))
          await rm(join(entry.parentPath, entry.name), {force: true})
      }
    },
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  let offset = 0
  while (offset < chunk.length) {
    const {bytesWritten} = await handle.write(chunk, offset, chunk.length - offset, position + offset)
    offset += bytesWritten
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
