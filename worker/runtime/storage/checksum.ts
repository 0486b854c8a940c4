import {createHash} from 'node:crypto'

/** The checksums of an object, in base64. Composite objects have no MD5. */
export interface Checksums {
  readonly md5Hash: string | undefined
  readonly crc32c: string | undefined
}

/** A checksum computed as bytes arrive. */
interface Running {
  update(bytes: Uint8Array): void
  /** In base64. */
  digest(): string
}

/**
 * Computes the checksum that an object has, for comparison: MD5, which Node computes natively, otherwise CRC32C.
 * @returns undefined if it has neither
 */
export function checksumFor({
  md5Hash,
  crc32c,
}: Checksums): (Running & {readonly expected: string}) | undefined {
  if (md5Hash !== undefined) return {...md5(), expected: md5Hash}
  return crc32c === undefined ? undefined : {...runningCrc32c(), expected: crc32c}
}

/** A running MD5. */
export function md5(): Running {
  const hash = createHash('md5')
  return {update: (bytes) => void hash.update(bytes), digest: () => hash.digest('base64')}
}

/** Castagnoli's polynomial, bits reversed. */
const POLYNOMIAL = 0x82f63b78

/** For CRC32C, four bytes at a time (Intel's slicing). */
const [t0, t1, t2, t3] = tables()

function runningCrc32c(): Running {
  let crc = 0xffffffff
  return {
    update: (bytes) => {
      let at = 0
      for (; at + 4 <= bytes.length; at += 4) {
        const mixed =
          crc ^
          ((bytes[at] ?? 0) |
            ((bytes[at + 1] ?? 0) << 8) |
            ((bytes[at + 2] ?? 0) << 16) |
            ((bytes[at + 3] ?? 0) << 24))
        crc =
          (t3[mixed & 0xff] ?? 0) ^
          (t2[(mixed >>> 8) & 0xff] ?? 0) ^
          (t1[(mixed >>> 16) & 0xff] ?? 0) ^
          (t0[mixed >>> 24] ?? 0)
      }
      for (; at < bytes.length; at++) crc = (crc >>> 8) ^ (t0[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0)
    },
    digest: () => {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32BE(~crc >>> 0)
      return bytes.toString('base64')
    },
  }
}

function tables(): [Int32Array, Int32Array, Int32Array, Int32Array] {
  const first = Int32Array.from({length: 256}, (_, byte) => {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    return crc
  })
  const next = (table: Int32Array): Int32Array => table.map((crc) => (crc >>> 8) ^ (first[crc & 0xff] ?? 0))
  const second = next(first)
  const third = next(second)
  return [first, second, third, next(third)]
}
