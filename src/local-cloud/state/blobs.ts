import type {Readable} from 'node:stream'

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
  /** Reads a finished blob, `start` and `end` inclusive as in HTTP ranges. */
  read(id: string, range?: {start: number; end: number}): Readable
  /** Path of a finished blob's file. */
  path(id: string): string
  remove(id: string): Promise<void>
  /** Removes every file whose id is not in `referenced`: what a crash left between a rename and its row. */
  sweep(referenced: ReadonlySet<string>): Promise<void>
}
