import {StringDecoder} from 'node:string_decoder'

/** A log entry has at most 256 KiB (cloud.google.com/logging/quotas). */
export const LONGEST_LINE_BYTES = 256 * 1024

/** Cuts a stream of bytes into lines of at most `limitBytes`; the rest of a longer line is dropped. */
export class Lines {
  readonly #take: (line: string) => void
  readonly #limitBytes: number
  #decoder = new StringDecoder('utf8')
  #line = ''
  #sizeBytes = 0

  constructor(take: (line: string) => void, limitBytes: number) {
    this.#take = take
    this.#limitBytes = limitBytes
  }

  push(chunk: Buffer): void {
    let start = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      this.#add(chunk.subarray(start, end))
      this.#finish()
      start = end + 1
    }
    this.#add(chunk.subarray(start))
  }

  /** Takes a last line that has no line end. */
  end(): void {
    if (this.#sizeBytes > 0) this.#finish()
  }

  #add(bytes: Buffer): void {
    const room = Math.max(0, this.#limitBytes - this.#sizeBytes)
    this.#line += this.#decoder.write(bytes.subarray(0, room))
    this.#sizeBytes += bytes.length
  }

  #finish(): void {
    // Drop a character that the limit cut in two.
    if (this.#sizeBytes <= this.#limitBytes) this.#line += this.#decoder.end()
    const line = this.#line.endsWith('\r') ? this.#line.slice(0, -1) : this.#line
    this.#decoder = new StringDecoder('utf8')
    this.#line = ''
    this.#sizeBytes = 0
    this.#take(line)
  }
}
