import type {Readable} from 'node:stream'
import type {JsonObject} from '../json.ts'

/** An object in a bucket. Generations are decimal text: they exceed 2^53. Times are RFC 3339. */
export interface StoredObject {
  readonly bucket: string
  readonly name: string
  readonly generation: string
  readonly sizeBytes: number
  readonly contentType: string | undefined
  /** Base64 of the big-endian CRC-32C. */
  readonly crc32c: string | undefined
  readonly timeCreated: string
  readonly metadata: Readonly<Record<string, string>>
}

export interface UploadOptions {
  readonly bucket: string
  readonly name: string
  /** A path, or bytes of unknown length. */
  readonly source: {readonly file: string; readonly sizeBytes: number} | {readonly stream: Readable}
  readonly contentType?: string
  readonly metadata?: Readonly<Record<string, string>>
  /** Generation to replace, `0` for none; otherwise AppError `precondition-failed`. Absent: any. */
  readonly expectedGeneration?: string
  /** Receives how many bytes of a large source have been sent; from 0 again if they are sent again. */
  readonly progress?: (sentBytes: number) => void
  readonly signal: AbortSignal
}

/** Bytes of an object from `start` on, before `end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** Which objects to list. */
export interface ListRange {
  readonly prefix?: string
  /** First name, inclusive. */
  readonly startOffset?: string
  /** Exclusive. */
  readonly endOffset?: string
  /** https://cloud.google.com/storage/docs/json_api/v1/objects/list#list-objects-and-prefixes-using-glob */
  readonly matchGlob?: string
  /** Custom metadata to list; absent: all. */
  readonly metadata?: readonly string[]
  /** Whether to list noncurrent versions as well, each name's from the oldest on. */
  readonly versions?: boolean
  /** Whether to list what is soft-deleted instead: https://cloud.google.com/storage/docs/soft-delete */
  readonly softDeleted?: boolean
}

/** The part of Cloud Storage that core needs. All throw AppError. */
export interface ObjectStore {
  /** Metadata of an object's live generation, or of the given one; `undefined` if there is none. */
  stat(bucket: string, name: string, generation?: string): Promise<StoredObject | undefined>
  /** Objects in byte order of their names, with pages fetched on demand; without content type and checksum. */
  list(bucket: string, range?: ListRange): AsyncIterable<StoredObject>
  /** The same by page, at most 1,000 objects each; while one is being read, the next is on its way. */
  pages(bucket: string, range?: ListRange): AsyncIterable<readonly StoredObject[]>
  /**
   * Resumable for large files; the checksum is compared with what arrived.
   * @throws AppError `checksum-mismatch`; `file-changed` if another program wrote to the file: then nothing is stored
   */
  upload(options: UploadOptions): Promise<StoredObject>
  /**
   * Copies a generation to another name in its bucket where nothing is, with all metadata; `without` names custom
   * metadata to leave out. @returns the copy, even if it has been replaced since
   * @throws AppError `precondition-failed` if something is there
   */
  copy(source: StoredObject, name: string, without: string): Promise<StoredObject>
  /**
   * Adds custom metadata to an object's live generation.
   * @throws AppError `precondition-failed` if that is another one by now; `not-found`
   */
  addMetadata(object: StoredObject, metadata: Readonly<Record<string, string>>): Promise<void>
  /** The content of a small JSON object; `{}` if it is not one. */
  readJson(object: StoredObject): Promise<JsonObject>
  /** The content of a generation, or some bytes of it. */
  read(
    bucket: string,
    name: string,
    options: {generation: string; signal: AbortSignal; range?: ByteRange},
  ): Promise<Readable>
  /** Deletes an object; a missing one is not an error. */
  delete(bucket: string, name: string): Promise<void>
}
