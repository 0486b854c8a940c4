import {Scratch} from '../../kernels/scratch.ts'

const TABLES_BYTES = 8 * 1024
/** Bytes that are copied to where the kernel reads them; they stay in the processor's L2 cache. */
const BYTES_AT_ONCE = 256 * 1024

interface Memory {
  readonly scratch: Scratch
  readonly tablesAt: number
  readonly bytesAt: number
}

let shared: Memory | undefined

/** A CRC32C, computed as bytes arrive: the checksum that every object has, composite ones too. */
export class Crc32c {
  /** Inverted. */
  #crc: number

  /** @param state of an earlier one, to continue it */
  constructor(state = -1) {
    this.#crc = state
  }

  get state(): number {
    return this.#crc
  }

  update(bytes: Uint8Array): void {
    const {scratch, tablesAt, bytesAt} = (shared ??= prepare())
    for (let start = 0; start < bytes.length; start += BYTES_AT_ONCE) {
      const part = bytes.subarray(start, start + BYTES_AT_ONCE)
      scratch.bytes(bytesAt, part.length).set(part)
      this.#crc = scratch.kernels.crc32c(this.#crc, bytesAt, part.length, tablesAt)
    }
  }

  /** In base64, as Cloud Storage has it: https://cloud.google.com/storage/docs/json_api/v1/objects#resource */
  digest(): string {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(~this.#crc)
    return bytes.toString('base64')
  }
}

function prepare(): Memory {
  const scratch = new Scratch()
  const tablesAt = scratch.claim(TABLES_BYTES)
  scratch.kernels.crc32cTables(tablesAt)
  return {scratch, tablesAt, bytesAt: scratch.claim(BYTES_AT_ONCE)}
}
