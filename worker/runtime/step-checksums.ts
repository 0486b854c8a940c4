import type {ByteRange} from '../processor.ts'
import {Crc32c} from './storage/checksum.ts'
import {TransferError} from './storage/index.ts'

/** Bytes between two noted checksums: a range is read from the one before it to the one after it. */
const STEP_BYTES = 4 * 1024 * 1024

/** States of a file's CRC32C after each 4 MiB and at its end: any range of the file can be verified by them. */
export type StepChecksums = readonly number[]

/** A CRC32C that reports its state after each step, computed as bytes arrive. */
export class SteppedCrc32c {
  readonly #checksum: Crc32c
  readonly #sizeBytes: number
  readonly #reached: (state: number, step: number) => void
  #position: number

  /**
   * @param sizeBytes of the whole file
   * @param start where to continue, and the state there; from the beginning if left out
   */
  constructor(
    sizeBytes: number,
    reached: (state: number, step: number) => void,
    start: {readonly position: number; readonly state: number | undefined} = {position: 0, state: undefined},
  ) {
    this.#sizeBytes = sizeBytes
    this.#reached = reached
    this.#position = start.position
    this.#checksum = new Crc32c(start.state)
  }

  update(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length;) {
      const piece = bytes.subarray(from, from + STEP_BYTES - (this.#position % STEP_BYTES))
      this.#checksum.update(piece)
      from += piece.length
      this.#position += piece.length
      if (this.#position % STEP_BYTES === 0 || this.#position === this.#sizeBytes)
        this.#reached(this.#checksum.state, Math.ceil(this.#position / STEP_BYTES) - 1)
    }
  }
}

/** The bytes to read so that a range can be verified. */
export function steppedRange({start, end}: ByteRange, sizeBytes: number): ByteRange {
  return {
    start: Math.floor(start / STEP_BYTES) * STEP_BYTES,
    end: Math.min(Math.ceil(end / STEP_BYTES) * STEP_BYTES, sizeBytes),
  }
}

/**
 * The bytes of a range, of a read of its {@link steppedRange}, all of which is verified.
 * @throws TransferError at the step whose bytes differ from what was read first
 */
export async function* verified(
  stream: AsyncIterable<unknown>,
  range: ByteRange,
  sizeBytes: number,
  checksums: StepChecksums,
): AsyncGenerator<Buffer> {
  const compare = (state: number, step: number): void => {
    if (state === checksums[step]) return
    throw new TransferError(`Step ${step} of the file: the received bytes do not match its checksum`)
  }
  let position = steppedRange(range, sizeBytes).start
  const state = checksums[position / STEP_BYTES - 1]
  const checksum = new SteppedCrc32c(sizeBytes, compare, {position, state})
  for await (const chunk of stream) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('An object is read as bytes')
    checksum.update(chunk)
    const part = chunk.subarray(Math.max(0, range.start - position), Math.max(0, range.end - position))
    position += chunk.length
    if (part.length > 0) yield part
  }
}
