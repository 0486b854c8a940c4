import type {Readable} from 'node:stream'

/** An object of a bucket. Generations are decimal text: they exceed 2^53. Times are RFC 3339. */
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
  /** A path, or bytes whose length is not known before they end. */
  readonly source: {readonly file: string; readonly sizeBytes: number} | {readonly stream: Readable}
  readonly contentType?: string
  readonly metadata?: Readonly<Record<string, string>>
  /** Generation that is replaced, `0` for none; else AppError `precondition-failed`. Absent: any. */
  readonly expectedGeneration?: string
  readonly signal: AbortSignal
}

/** Cloud Storage, as far as core needs it. All throw AppError. */
export interface ObjectStore {
  /** Metadata of an object's live generation, or of the given one; `undefined` where there is none. */
  stat(bucket: string, name: string, generation?: string): Promise<StoredObject | undefined>
  /**
   * Objects in the order of their names' bytes, page by page as they are asked for; from `startOffset` (inclusive) to
   * `endOffset` (exclusive).
   */
  list(
    bucket: string,
    options?: {prefix?: string; startOffset?: string; endOffset?: string},
  ): AsyncIterable<StoredObject>
  /** Resumable where it is worth it; the checksum is compared with what arrived. */
  upload(options: UploadOptions): Promise<StoredObject>
  read(bucket: string, name: string, options: {generation: string; signal: AbortSignal}): Promise<Readable>
  /** Removes an object; nothing there is fine. */
  delete(bucket: string, name: string): Promise<void>
}
