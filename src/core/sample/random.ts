/**
 * A reproducible source of random numbers: Chris Doty-Humphrey's sfc32 (PractRand), 128 bits of state. The same seed
 * gives the same sample on every machine and in every version.
 */
export class Random {
  #a = 0
  #b: number
  #c: number
  #counter = 1

  /** @param seed any integer; its low 64 bits are used, as far as a double holds them */
  constructor(seed: number) {
    this.#b = seed | 0
    this.#c = Math.floor(seed / 4294967296) | 0
    // The first outputs are still correlated with the seed.
    for (let i = 0; i < 15; i++) this.uniform()
  }

  /** Uniform in [0, 1), in steps of 2^-32. */
  uniform(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return (sum >>> 0) / 4294967296
  }

  /** A whole number from 0 to `below` - 1. */
  integer(below: number): number {
    return Math.floor(this.uniform() * below)
  }

  /** Standard normal, by the Box-Muller transform. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()))
    return radius * Math.cos(2 * Math.PI * this.uniform())
  }
}
