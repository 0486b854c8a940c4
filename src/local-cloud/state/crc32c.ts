/**
 * CRC-32C (Castagnoli, reflected polynomial 0x82f63b78, RFC 3720 appendix B.4): the checksum of Cloud Storage.
 * Sixteen bytes a step ("slicing by sixteen"), read as four words, whose bytes are
 * in the order that Node's processors have (little-endian); Node's zlib has only the other CRC-32.
 */
const SLICES = 16
const TABLE = new Int32Array(256 * SLICES)
for (let byte = 0; byte < 256; byte++) {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  TABLE[byte] = value
}
for (let index = 256; index < TABLE.length; index++) {
  const previous = entry(index - 256)
  TABLE[index] = entry(previous & 255) ^ (previous >>> 8)
}

function entry(index: number): number {
  return TABLE[index] ?? 0
}

/** What a word adds whose first byte goes through the table of that number, its last through that of three less. */
function word(value: number, table: number): number {
  return (
    entry((table << 8) | (value & 255)) ^
    entry(((table - 1) << 8) | ((value >>> 8) & 255)) ^
    entry(((table - 2) << 8) | ((value >>> 16) & 255)) ^
    entry(((table - 3) << 8) | (value >>> 24))
  )
}

/** Goes on from `crc` (0 at the beginning) over `bytes`; the result is an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array, crc = 0): number {
  const aligned = -bytes.byteOffset & 3
  // Words begin at multiples of four: bytes that end before have none.
  if (bytes.length < aligned) return ~overBytes(bytes, 0, bytes.length, ~crc) >>> 0
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + aligned, (bytes.length - aligned) >>> 2)
  const end = words.length - (words.length % 4)
  let state = overBytes(bytes, 0, aligned, ~crc)
  for (let index = 0; index < end; index += 4) {
    state =
      word(state ^ (words[index] ?? 0), 15) ^
      word(words[index + 1] ?? 0, 11) ^
      word(words[index + 2] ?? 0, 7) ^
      word(words[index + 3] ?? 0, 3)
  }
  return ~overBytes(bytes, aligned + end * 4, bytes.length, state) >>> 0
}

function overBytes(bytes: Uint8Array, start: number, end: number, before: number): number {
  let state = before
  for (let index = start; index < end; index++)
    state = entry((state ^ (bytes[index] ?? 0)) & 255) ^ (state >>> 8)
  return state
}

/** As Cloud Storage shows it: the four bytes big-endian, in base64. */
export function crc32cBase64(crc: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc)
  return bytes.toString('base64')
}
