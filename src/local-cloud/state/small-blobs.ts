import {hash} from 'node:crypto'
import type {DatabaseSync} from 'node:sqlite'
import {Readable} from 'node:stream'
import {crc32c} from '@node-rs/crc32'
import type {BlobInfo, Blobs, FileBlobs} from './blobs.ts'
import {beforeRelease} from '../idle-memory.ts'
import {crc32cBase64} from './crc32c.ts'
import {Recent} from './recent.ts'
import type {Schema} from './state.ts'

/**
 * Up to this size, the bytes of a blob lie in a row. That spares a file which has to be created, synced and renamed,
 * and the row is in the commit of the object that it belongs to. Larger rows would save less, and each snapshot copies
 * them all.
 */
export const SMALL_BYTES = 32 * 1024

/** How much of them is kept in memory, and what each takes there beside its bytes. */
const MOST_KEPT_BYTES = 16 * 1024 * 1024
const BYTES_EACH = 1024

export const smallBlobsSchema: Schema = {
  name: 'blobs',
  migrations: ['CREATE TABLE small_blobs (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT'],
}

/** What the names of files never begin with. */
const PREFIX = 'row-'

const isSmall = (id: string): boolean => id.startsWith(PREFIX)
const keyOf = (id: string): number => Number(id.slice(PREFIX.length))

/** Blobs of which the small ones are rows of the database, beside those that are files. */
export function withSmallBlobs(files: FileBlobs, database: DatabaseSync): Blobs {
  const insert = database.prepare('INSERT INTO small_blobs (id, bytes) VALUES (?, ?)')
  const select = database.prepare('SELECT bytes FROM small_blobs WHERE id = ?')
  const remove = database.prepare('DELETE FROM small_blobs WHERE id = ?')
  const newest = database.prepare('SELECT max(id) AS newest FROM small_blobs').get()
  let last = Number(newest?.['newest'] ?? 0)

  // Most are read soon after they were stored.
  const recent = new Recent<number, Buffer>(MOST_KEPT_BYTES, ({length}) => length + BYTES_EACH)
  const releasing = beforeRelease(() => recent.clear())

  const bytesOf = (id: string, {start, end}: {start: number; end: number}): Buffer => {
    const key = keyOf(id)
    const kept = recent.get(key)
    if (kept !== undefined) return kept.subarray(start, end + 1)
    const read = select.get(key)?.['bytes']
    if (!(read instanceof Uint8Array)) throw new Error(`Blob ${id} is not in the database.`)
    const bytes = Buffer.from(read.buffer, read.byteOffset, read.byteLength)
    recent.keep(key, bytes)
    return bytes.subarray(start, end + 1)
  }

  return {
    ...files,
    small(bytes): BlobInfo {
      last += 1
      const key = last
      return {
        id: `${PREFIX}${key}`,
        sizeBytes: bytes.length,
        md5: hash('md5', bytes, 'base64'),
        crc32c: crc32cBase64(crc32c(bytes)),
        sha256: undefined,
        keep() {
          insert.run(key, bytes)
          recent.keep(key, bytes)
        },
      }
    },
    read: (id, range) =>
      // A copy, since the reader may take over its memory.
      isSmall(id)
        ? Readable.from(Buffer.from(bytesOf(id, range ?? {start: 0, end: Infinity})))
        : files.read(id, range),
    readAtOnce: (id, range) => (isSmall(id) ? bytesOf(id, range) : files.readAtOnce(id, range)),
    release(id) {
      if (!isSmall(id)) return id
      recent.forget(keyOf(id))
      remove.run(keyOf(id))
      return undefined
    },
    remove: async (id) => {
      if (!isSmall(id)) await files.remove(id)
    },
    [Symbol.dispose]: () => releasing[Symbol.dispose](),
  }
}
