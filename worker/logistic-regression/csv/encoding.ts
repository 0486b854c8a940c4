import {isUtf8} from 'node:buffer'

/** A byte that is invalid in a UTF-8 CSV file. `offset` counts from the start of the (unpacked) file. */
export interface EncodingFault {
  kind: 'nul-byte' | 'not-utf8'
  offset: number
}

/** Checks that a stream of chunks is UTF-8 without NUL bytes; characters may be cut by chunk ends. */
export class EncodingCheck {
  /** Bytes of a character that the last chunk left unfinished. */
  #unfinished = Buffer.alloc(0)
  #offset = 0

  /** Checks the next chunk and returns the first fault. */
  check(chunk: Buffer): EncodingFault | undefined {
    const bytes = this.#unfinished.length === 0 ? chunk : Buffer.concat([this.#unfinished, chunk])
    const complete = completeLength(bytes, bytes.length)
    const valid = isUtf8(bytes.subarray(0, complete)) ? complete : firstInvalid(bytes)
    const nul = bytes.indexOf(0)
    if (nul !== -1 && nul < valid) return {kind: 'nul-byte', offset: this.#offset + nul}
    if (valid < complete) return {kind: 'not-utf8', offset: this.#offset + valid}
    this.#offset += complete
    this.#unfinished = Buffer.from(bytes.subarray(complete))
    return undefined
  }

  /** Call it after the last chunk: a file must not end within a character. */
  end(): EncodingFault | undefined {
    return this.#unfinished.length === 0 ? undefined : {kind: 'not-utf8', offset: this.#offset}
  }
}

/** Length of the first `length` bytes without a character that they cut off. */
function completeLength(bytes: Buffer, length: number): number {
  for (let back = 1; back <= Math.min(3, length); back++) {
    const byte = bytes[length - back] ?? 0
    if (byte < 0x80) return length
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return needed > back ? length - back : length
    }
  }
  return length
}

/** Offset of the first byte that does not continue valid UTF-8, by bisection. */
function firstInvalid(bytes: Buffer): number {
  let valid = 0
  let invalid = bytes.length
  while (valid < invalid) {
    const middle = Math.ceil((valid + invalid) / 2)
    if (isUtf8(bytes.subarray(0, completeLength(bytes, middle)))) valid = middle
    else invalid = middle - 1
  }
  return completeLength(bytes, valid)
}
