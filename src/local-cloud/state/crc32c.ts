/** CRC-32C as Cloud Storage shows it: the four bytes big-endian, in base64. */
export function crc32cBase64(crc: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc)
  return bytes.toString('base64')
}
