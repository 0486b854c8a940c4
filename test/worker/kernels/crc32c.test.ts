import {expect, test} from 'vitest'
import {Crc32c} from '../../../worker/runtime/storage/checksum.ts'

/** Bit by bit. */
function plain(bytes: Uint8Array): string {
  let crc = -1
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
  }
  const word = Buffer.alloc(4)
  word.writeInt32BE(~crc)
  return word.toString('base64')
}

function bytesOf(length: number): Buffer {
  let state = 1
  return Buffer.from(
    Array.from({length}, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
      return state >> 16
    }),
  )
}

test.each([0, 1, 7, 8, 9, 5320, 5336, 5337, 5352, 5353, 70_001, 256 * 1024 + 1])(
  'sums up %d bytes as the polynomial does',
  (length) => {
    const bytes = bytesOf(length)
    const checksum = new Crc32c()
    checksum.update(bytes)
    expect(checksum.digest()).toBe(plain(bytes))
  },
)

test('continues a checksum over parts of any length', () => {
  const bytes = bytesOf(300_000)
  const cuts = [0, 3, 5_400, 5_401, 20_000, 20_007, 131_072, 300_000]
  let state: number | undefined
  for (const [i, end] of cuts.entries()) {
    const checksum = new Crc32c(state)
    checksum.update(bytes.subarray(cuts[i - 1] ?? 0, end))
    state = checksum.state
  }
  expect(new Crc32c(state).digest()).toBe(plain(bytes))
  expect(bytes).toEqual(bytesOf(300_000))
})
