import {crc32c} from '@node-rs/crc32'

/**
 * CRC-32C for Google's storage client, computed by the processor's own instruction: the client's JavaScript costs more
 * than everything else it does with an object's bytes.
 */
export class NativeCrc32c {
  #value = 0

  readonly update = (bytes: Buffer): void => {
    this.#value = crc32c(bytes, this.#value)
  }

  readonly validate = (expected: string): boolean => this.toString() === expected

  /** The four bytes big-endian, in base64. */
  toString(): string {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(this.#value)
    return bytes.toString('base64')
  }
}
