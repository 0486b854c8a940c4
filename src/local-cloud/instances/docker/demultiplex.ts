import type {OutputStream} from '../instance.ts'

const HEADER_BYTES = 8
const STDERR = 2

/**
 * Splits the stream that carries both outputs of a container: frames of an eight-byte header (which output; the content's
 * length, big-endian, in the last four) and the content.
 */
export class Demultiplexer {
  readonly #take: (stream: OutputStream, bytes: Buffer) => void
  #header = Buffer.alloc(0)
  #stream: OutputStream = 'stdout'
  #left = 0

  constructor(take: (stream: OutputStream, bytes: Buffer) => void) {
    this.#take = take
  }

  push(chunk: Buffer): void {
    let rest = chunk
    while (rest.length > 0) {
      if (this.#left > 0) {
        const content = rest.subarray(0, this.#left)
        this.#left -= content.length
        rest = rest.subarray(content.length)
        this.#take(this.#stream, content)
        continue
      }
      const missing = HEADER_BYTES - this.#header.length
      this.#header = Buffer.concat([this.#header, rest.subarray(0, missing)])
      rest = rest.subarray(missing)
      if (this.#header.length < HEADER_BYTES) return
      this.#stream = this.#header[0] === STDERR ? 'stderr' : 'stdout'
      this.#left = this.#header.readUInt32BE(4)
      this.#header = Buffer.alloc(0)
    }
  }
}
