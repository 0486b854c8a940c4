import type {JsonObject} from '../wire/json.ts'

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

/** A text member that the caller set. */
export function textField(object: Pick<StoredObject, 'fields'>, name: string): string | undefined {
  const value = object.fields[name]
  return typeof value === 'string' ? value : undefined
}

export function storageClassOf(object: Pick<StoredObject, 'fields'>): string {
  return textField(object, 'storageClass') ?? 'STANDARD'
}
