import type {FileHandle} from 'node:fs/promises'
import {crc32c} from '@node-rs/crc32'
import {bytesPass} from '../idle-memory.ts'
import {hashFile, type FileHashes} from './file-hashes.ts'
import {crc32cBase64} from './crc32c.ts'
import {type Digests, Hashes} from './hashes.ts'

/** How much is gathered before it is written: each turn through the thread pool and the hashing thread costs as much. */
const BATCH_BYTES = 256 * 1024
/** How much is gathered while the disk is busy before the sender has to wait. */
const GATHERED_BYTES = 1024 * 1024
/** Files up to this size are hashed at once: less than a millisecond. */
const HASHED_AT_ONCE_BYTES = 256 * 1024
/** Bytes between early syncs, so the last sync has little left. */
const SYNCED_AHEAD_BYTES = 8 * 1024 * 1024

/** Appends to a file and hashes what is in it. Chunks are kept until they are written, and their memory freed then. */
export class HashingWriter {
  readonly #handle: FileHandle
  readonly #options: {sha256?: boolean}
  #atOnce: Hashes | undefined
  /** Of a file that was empty: beside MD5, it would make the thread the limit of an upload. */
  #crc32c: number | undefined
  #inThread: FileHashes | undefined
  #gathered: Uint8Array[] = []
  #gatheredBytes = 0
  #sizeBytes: number
  #written: number
  #syncedAhead: number
  /** Until all that was gathered is in the file; stays, rejected, if that failed. */
  #writing: Promise<void> | undefined
  #syncing: Promise<void> = Promise.resolve()

  /**
   * @param handle open for reading too
   * @param sizeBytes what the file has already
   */
  constructor(handle: FileHandle, sizeBytes: number, options: {sha256?: boolean}) {
    this.#handle = handle
    this.#options = options
    this.#sizeBytes = sizeBytes
    this.#written = sizeBytes
    this.#syncedAhead = sizeBytes
    if (sizeBytes === 0) {
      this.#atOnce = new Hashes({...options, crc32c: false})
      this.#crc32c = 0
    } else this.#inThread = hashFile(handle.fd, options)
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** @returns when to write the next chunk, if not at once */
  write(chunk: Uint8Array): Promise<void> | undefined {
    if (chunk.length === 0) return undefined
    this.#gathered.push(chunk)
    this.#gatheredBytes += chunk.length
    this.#sizeBytes += chunk.length
    this.#atOnce?.update(chunk)
    if (this.#crc32c !== undefined) this.#crc32c = crc32c(chunk, this.#crc32c)
    if (this.#atOnce !== undefined && this.#sizeBytes > HASHED_AT_ONCE_BYTES) {
      this.#atOnce = undefined
      this.#inThread = hashFile(this.#handle.fd, {...this.#options, crc32c: false})
    }
    if (this.#gatheredBytes >= BATCH_BYTES) this.#writing ??= this.#writeGathered(BATCH_BYTES)
    return this.#gatheredBytes >= GATHERED_BYTES ? this.#writing : undefined
  }

  /** Resolves when everything is in the file. @throws if the disk is full or broken */
  async flush(): Promise<void> {
    await this.#writing
    if (this.#gatheredBytes > 0) await (this.#writing = this.#writeGathered())
  }

  /** As `flush`, and safe from loss of power. */
  async sync(): Promise<void> {
    await this.flush()
    await this.#syncing
    await this.#handle.datasync()
  }

  /** After a flush. */
  async digest(): Promise<Digests> {
    const hashed = this.#atOnce?.digest() ?? this.#inThread?.end(this.#written)
    const digests = (await hashed) ?? new Hashes(this.#options).digest()
    return this.#crc32c === undefined ? digests : {...digests, crc32c: crc32cBase64(this.#crc32c)}
  }

  /** Gives up hashing, and closes the file. */
  async close(): Promise<void> {
    this.#inThread?.drop()
    await Promise.allSettled([this.#writing, this.#syncing])
    await this.#handle.close()
  }

  /** While one batch is on its way to the disk the next one gathers. @param least what is written, at least */
  #writeGathered(least = 1): Promise<void> {
    const writing = (async () => {
      while (this.#gatheredBytes >= least) {
        const chunks = this.#gathered
        const bytes = this.#gatheredBytes
        this.#gathered = []
        this.#gatheredBytes = 0
        await writeAll(this.#handle, chunks, this.#written)
        for (const chunk of chunks) free(chunk)
        this.#written += bytes
        this.#syncAhead()
        await this.#inThread?.grown(this.#written)
      }
      this.#writing = undefined
    })()
    // The next write or flush rejects with it.
    writing.catch(() => undefined)
    return writing
  }

  #syncAhead(): void {
    if (this.#written - this.#syncedAhead < SYNCED_AHEAD_BYTES) return
    this.#syncedAhead = this.#written
    this.#syncing = this.#syncing.then(() => this.#handle.datasync())
    this.#syncing.catch(() => undefined)
  }
}

/** At once where nothing else can be in the same buffer: a collector would have to look for it. */
function free({buffer, byteLength}: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
  else bytesPass(byteLength)
}

async function writeAll(handle: FileHandle, chunks: readonly Uint8Array[], start: number): Promise<void> {
  let left = chunks
  let position = start
  while (left.length > 0) {
    const {bytesWritten} = await handle.writev(left, position)
    position += bytesWritten
    left = after(left, bytesWritten)
  }
}

/** The rest of the chunks after this many bytes. */
function after(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let passed = bytes
  const index = chunks.findIndex(({length}) => {
    if (passed < length) return true
    passed -= length
    return false
  })
  const [first, ...rest] = index < 0 ? [] : chunks.slice(index)
  return first === undefined ? [] : [first.subarray(passed), ...rest]
}
