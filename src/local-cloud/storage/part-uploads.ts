import {randomUUID} from 'node:crypto'
import type {BlobInfo} from '../state/blobs.ts'
import {integer, storedJson, text, type Row} from '../state/rows.ts'
import type {State} from '../state/state.ts'
import type {Clock} from '../wire/clock.ts'
import {StorageError} from './errors.ts'
import type {ObjectDraft} from './object-draft.ts'

/** An upload in parts of the XML API. Times in milliseconds since 1970. */
export interface PartUpload {
  readonly id: string
  readonly bucket: string
  readonly name: string
  readonly timeCreated: number
  readonly draft: ObjectDraft
}

export interface Part {
  readonly number: number
  readonly blob: string
  readonly sizeBytes: number
  /** Base64. */
  readonly md5: string
  readonly updated: number
}

/** The rows of uploads in parts. What changes them is called inside a `State.write`. */
export interface PartUploads {
  /** @throws StorageError 404 */
  get(id: string, bucket: string, name: string): PartUpload
  /** Of a bucket, by name. */
  list(bucket: string): PartUpload[]
  /** By number. */
  parts(id: string): Part[]
  /** @returns its id */
  insert(draft: ObjectDraft): string
  /** @returns the blob of the part that it replaces, if it is a file */
  setPart(id: string, number: number, blob: BlobInfo): string | undefined
  /** @returns the blobs of its parts that are files */
  remove(id: string): string[]
  refersTo(blob: string): boolean
}

export function createPartUploads({state, clock}: {state: State; clock: Clock}): PartUploads {
  const {database} = state
  const select = database.prepare(
    'SELECT * FROM storage_part_uploads WHERE id = ? AND bucket = ? AND name = ?',
  )
  const selectOfBucket = database.prepare(
    'SELECT * FROM storage_part_uploads WHERE bucket = ? ORDER BY name, id',
  )
  const insert = database.prepare(
    'INSERT INTO storage_part_uploads (id, bucket, name, time_created, draft) VALUES (?, ?, ?, ?, ?)',
  )
  const remove = database.prepare('DELETE FROM storage_part_uploads WHERE id = ?')
  const selectParts = database.prepare('SELECT * FROM storage_parts WHERE upload = ? ORDER BY number')
  const selectPart = database.prepare('SELECT blob FROM storage_parts WHERE upload = ? AND number = ?')
  const setPart = database.prepare(
    'INSERT OR REPLACE INTO storage_parts (upload, number, blob, size, md5, updated) VALUES (?, ?, ?, ?, ?, ?)',
  )
  const removeParts = database.prepare('DELETE FROM storage_parts WHERE upload = ? RETURNING blob')
  const selectReference = database.prepare('SELECT 1 FROM storage_parts WHERE blob = ?')
  return {
    get(id, bucket, name) {
      const row = select.get(id, bucket, name)
      if (row !== undefined) return uploadOfRow(row)
      throw new StorageError(404, 'notFound', 'The specified upload does not exist.', {
        xmlCode: 'NoSuchUpload',
      })
    },
    list: (bucket) => selectOfBucket.all(bucket).map((row) => uploadOfRow(row)),
    parts: (id) =>
      selectParts.all(id).map((row) => ({
        number: integer(row, 'number'),
        blob: text(row, 'blob'),
        sizeBytes: integer(row, 'size'),
        md5: text(row, 'md5'),
        updated: integer(row, 'updated'),
      })),
    insert(draft) {
      const id = randomUUID()
      insert.run(id, draft.bucket, draft.name, clock.now(), JSON.stringify(draft))
      return id
    },
    setPart(id, number, blob) {
      const replaced = selectPart.get(id, number)?.['blob']
      blob.keep?.()
      setPart.run(id, number, blob.id, blob.sizeBytes, blob.md5, clock.now())
      return typeof replaced === 'string' ? state.blobs.release(replaced) : undefined
    },
    remove(id) {
      remove.run(id)
      return removeParts.all(id).flatMap(({blob}) => state.blobs.release(String(blob)) ?? [])
    },
    refersTo: (blob) => selectReference.get(blob) !== undefined,
  }
}

function uploadOfRow(row: Row): PartUpload {
  return {
    id: text(row, 'id'),
    bucket: text(row, 'bucket'),
    name: text(row, 'name'),
    timeCreated: integer(row, 'time_created'),
    draft: storedJson<ObjectDraft>(row, 'draft'),
  }
}
