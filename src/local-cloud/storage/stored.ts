import type {JsonObject} from '../wire/json.ts'

/** A bucket as it is kept. Times in milliseconds since 1970. */
export interface Bucket {
  readonly name: string
  readonly project: string
  readonly metageneration: number
  readonly generation: number
  readonly timeCreated: number
  readonly updated: number
  /** What the caller set, as it was sent. */
  readonly fields: JsonObject
}

/** One version of an object as it is kept. Times in milliseconds since 1970. */
export interface StoredObject {
  readonly bucket: string
  readonly name: string
  /** Microseconds since 1970. */
  readonly generation: number
  readonly metageneration: number
  /** Where its bytes are. */
  readonly blob: string
  readonly sizeBytes: number
  /** Base64. Composed objects have none. */
  readonly md5: string | undefined
  readonly crc32c: string
  readonly componentCount: number | undefined
  readonly timeCreated: number
  readonly updated: number
  /** When it stopped being the live version. */
  readonly timeDeleted: number | undefined
  /** When its storage class was last changed; at first not at all. */
  readonly classUpdated: number | undefined
  /** When its event-based hold was last released. */
  readonly holdReleased: number | undefined
  /** When it was soft-deleted, and when it will be gone. */
  readonly softDeleted?: {readonly at: number; readonly until: number}
  /** What the caller set, as it was sent. */
  readonly fields: JsonObject
}
