/**
 * CRC-32C (Castagnoli, reflected polynomial 0x82f63b78, RFC 3720 appendix B.4): the checksum of Cloud Storage.
 * Eight bytes a step ("slicing by eight"); Node's zlib has only the other CRC-32.
 */
const TABLES = Array.from({length: 8}, () => new Int32Array(256))
const [T0 = new Int32Array(256), T1 = T0, T2 = T0, T3 = T0, T4 = T0, T5 = T0, T6 = T0, T7 = T0] = TABLES
for (let byte = 0; byte < 256; byte++) {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  T0[byte] = value
}
for (let table = 1; table < 8; table++) {
  const previous = TABLES[table - 1] ?? T0
  const current = TABLES[table] ?? T0
  for (let byte = 0; byte < 256; byte++) {
    const value = previous[byte] ?? 0
    current[byte] = (T0[value & 255] ?? 0) ^ (value >>> 8)
  }
}

/** Goes on from `crc` (0 at the beginning) over `bytes`; the result is an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array, crc = 0): number {
  let state = ~crc
  let index = 0
  const end = bytes.length - (bytes.length % 8)
  const byte = (at: number): number => bytes[at] ?? 0
  const entry = (table: Int32Array, at: number): number => table[at] ?? 0
  while (index < end) {
    const low =
      state ^ (byte(index) | (byte(index + 1) << 8) | (byte(index + 2) << 16) | (byte(index + 3) << 24))
    state =
      entry(T7, low & 255) ^
      entry(T6, (low >>> 8) & 255) ^
      entry(T5, (low >>> 16) & 255) ^
      entry(T4, low >>> 24) ^
      entry(T3, byte(index + 4)) ^
      entry(T2, byte(index + 5)) ^
      entry(T1, byte(index + 6)) ^
      entry(T0, byte(index + 7))
    index += 8
  }
  for (; index < bytes.length; index++) state = entry(T0, (state ^ byte(index)) & 255) ^ (state >>> 8)
  return ~state >>> 0
}

/** As Cloud Storage shows it: the four bytes big-endian, in base64. */
export function crc32cBase64(crc: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc)
  return bytes.toString('base64')
}
