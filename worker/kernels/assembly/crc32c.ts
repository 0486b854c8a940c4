/** Castagnoli's polynomial, bits reversed. */
const POLYNOMIAL: u32 = 0x82f63b78
/** Of 256 words each: entry `byte` of table `k` is what a byte does to the checksum when `k` more follow it. */
const TABLES = 8
const TABLE_BYTES: usize = 1024

/** Fills the tables that {@link crc32c} reads: 8 KB. */
export function crc32cTables(tables: usize): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0)
    store<u32>(tables + (byte << 2), crc)
  }
  for (let at = tables; at < tables + (TABLES - 1) * TABLE_BYTES; at += 4) {
    const crc = load<u32>(at)
    store<u32>(at + TABLE_BYTES, (crc >>> 8) ^ entry(tables, crc))
  }
}

/**
 * A byte counts as much as itself at all three distances after it together: x^8 to the powers of 5321, 5321 - 1747 and
 * 5321 - 2830, and 1, add up to a multiple of the polynomial. Each is far enough for what was stored to have left the
 * processor's queue.
 */
const NEAR: usize = 1747
const MIDDLE: usize = 2830
const FAR: usize = 5321

/**
 * Continues a checksum, inverted before and after, over more bytes, which it overwrites. All but the last ones are
 * added to later ones, sixteen at a time, without a table; those are looked up, eight at a time (Intel's slicing).
 */
export function crc32c(crc: u32, bytes: usize, length: usize, tables: usize): u32 {
  let at = bytes
  const end = bytes + length
  if (length >= FAR + 16) {
    store<u32>(at, load<u32>(at) ^ crc)
    crc = 0
    for (; at + FAR + 16 <= end; at += 16) {
      const sixteen = v128.load(at)
      v128.store(at + NEAR, v128.xor(v128.load(at + NEAR), sixteen))
      v128.store(at + MIDDLE, v128.xor(v128.load(at + MIDDLE), sixteen))
      v128.store(at + FAR, v128.xor(v128.load(at + FAR), sixteen))
    }
  }
  for (; end - at >= 8; at += 8) {
    const lower = crc ^ load<u32>(at)
    const upper = load<u32>(at + 4)
    crc =
      entry(tables + 7 * TABLE_BYTES, lower) ^
      entry(tables + 6 * TABLE_BYTES, lower >>> 8) ^
      entry(tables + 5 * TABLE_BYTES, lower >>> 16) ^
      entry(tables + 4 * TABLE_BYTES, lower >>> 24) ^
      entry(tables + 3 * TABLE_BYTES, upper) ^
      entry(tables + 2 * TABLE_BYTES, upper >>> 8) ^
      entry(tables + TABLE_BYTES, upper >>> 16) ^
      entry(tables, upper >>> 24)
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ entry(tables, crc ^ load<u8>(at))
  return crc
}

/** @param word of which the lowest byte counts */
function entry(table: usize, word: u32): u32 {
  return load<u32>(table + ((word & 0xff) << 2))
}
