/** Texts longer than this are looked up as strings each time. */
const LONGEST_KEY_BYTES = 32
const FEWEST_SLOTS = 64
const MOST_SLOTS = 4096
/** Slots that are tried for one text: bounds the harm of texts that were chosen to collide. */
const MOST_PROBES = 8

/**
 * Remembers which code belongs to which bytes, so that a column's recurring texts are neither decoded nor looked up
 * as strings. A bounded cache over `codeOf`, which handles all others.
 */
export class TextCodes {
  readonly #codeOf: (bytes: Buffer, start: number, stop: number) => number
  #used = 0
  /** Length of each key plus one; 0 if a slot is free. */
  #lengths = new Uint8Array(FEWEST_SLOTS)
  #codes = new Int32Array(FEWEST_SLOTS)
  #keys = new Uint8Array(FEWEST_SLOTS * LONGEST_KEY_BYTES)

  /** @param codeOf gives equal bytes equal codes, from one call on that did not throw */
  constructor(codeOf: (bytes: Buffer, start: number, stop: number) => number) {
    this.#codeOf = codeOf
  }

  /** The code of the bytes from `start` to `stop`. */
  code(bytes: Buffer, start: number, stop: number): number {
    const length = stop - start
    if (length > LONGEST_KEY_BYTES) return this.#codeOf(bytes, start, stop)
    const lengths = this.#lengths
    const keys = this.#keys
    const mask = lengths.length - 1
    const hash = hashOf(bytes, start, stop)
    for (let probe = 0; probe < MOST_PROBES; probe++) {
      const slot = (hash + probe) & mask
      if (lengths[slot] === 0) return this.#remember(slot, bytes, start, stop)
      if (lengths[slot] !== length + 1) continue
      let same = 0
      for (let key = slot * LONGEST_KEY_BYTES; same < length && keys[key] === bytes[start + same]; key++)
        same++
      if (same === length) return this.#codes[slot] ?? -1
    }
    return this.#codeOf(bytes, start, stop)
  }

  #remember(slot: number, bytes: Buffer, start: number, stop: number): number {
    const code = this.#codeOf(bytes, start, stop)
    this.#put(slot, bytes, start, stop, code)
    if (2 * this.#used > this.#lengths.length && this.#lengths.length < MOST_SLOTS) this.#grow()
    return code
  }

  #put(slot: number, bytes: Uint8Array, start: number, stop: number, code: number): void {
    this.#used++
    this.#lengths[slot] = stop - start + 1
    this.#codes[slot] = code
    this.#keys.set(bytes.subarray(start, stop), slot * LONGEST_KEY_BYTES)
  }

  #grow(): void {
    const lengths = this.#lengths
    const codes = this.#codes
    const keys = this.#keys
    const slots = 4 * lengths.length
    this.#used = 0
    this.#lengths = new Uint8Array(slots)
    this.#codes = new Int32Array(slots)
    this.#keys = new Uint8Array(slots * LONGEST_KEY_BYTES)
    for (let from = 0; from < lengths.length; from++) {
      const length = (lengths[from] ?? 0) - 1
      if (length < 0) continue
      const start = from * LONGEST_KEY_BYTES
      const hash = hashOf(keys, start, start + length)
      for (let probe = 0; probe < MOST_PROBES; probe++) {
        const slot = (hash + probe) & (slots - 1)
        if (this.#lengths[slot] !== 0) continue
        this.#put(slot, keys, start, start + length, codes[from] ?? -1)
        break
      }
    }
  }
}

/** FNV-1a, its high bits folded into the low ones. */
function hashOf(bytes: Uint8Array, start: number, stop: number): number {
  let hash = 0x811c9dc5
  for (let at = start; at < stop; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193)
  return (hash ^ (hash >>> 15)) & 0x7fffffff
}
