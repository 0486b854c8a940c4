import {CRC32C} from '@google-cloud/storage'
import * as fc from 'fast-check'
import {expect, it} from 'vitest'
import {NativeCrc32c} from '../../src/google/crc32c.ts'

it('sums up bytes as the storage client does, however they are cut', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({maxLength: 300})), (chunks) => {
      const [ours, theirs] = [new NativeCrc32c(), new CRC32C()]
      for (const chunk of chunks) {
        ours.update(Buffer.from(chunk))
        theirs.update(Buffer.from(chunk))
      }
      expect(ours.toString()).toBe(theirs.toString())
      expect(ours.validate(theirs.toString())).toBe(true)
      expect(ours.validate('AAAAAQ==')).toBe(theirs.validate('AAAAAQ=='))
    }),
  )
})
