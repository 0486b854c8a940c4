import {uniformAt} from '../random.ts'

/** Fixed, so that the same file yields the same sample. */
export const SAMPLE_SEED = 20240229
/** Rows of each class that are kept whatever the share: without them a model would not know it. */
const ROWS_OF_CLASS = 2
/** Of no more classes, so that these rows always have room. */
const MOST_CLASSES = 500

/**
 * A random sample of a file's rows in memory of a fixed size. Each row of the file has a random number, and those below
 * a bound are kept; when memory is full, the bound is halved. So the sample depends neither on the blocks that rows come
 * in nor on when memory was full.
 */
export class RowSample {
  readonly #needsLabel: boolean
  /** Of the first rows of each class. */
  readonly #always = new Set<number>()
  readonly #seen = new Map<number, number>()
  /** Of the rows kept, their numbers in the file. */
  #rows: Uint32Array
  #bound = 1

  /**
   * @param rows already kept: the file's first ones
   * @param needsLabel keeps no row without a label
   */
  constructor(rows: number, needsLabel: boolean) {
    this.#rows = Uint32Array.from({length: rows}, (_, row) => row)
    this.#needsLabel = needsLabel
  }

  /** The numbers in the file of the first `count` rows kept. */
  rows(count: number): Uint32Array {
    return this.#rows.slice(0, count)
  }

  /** Halves the share of rows that are kept. */
  halve(): void {
    this.#bound /= 2
  }

  /**
   * Which of the rows kept so far are to be kept.
   * @param codes per row kept, -1 without a label
   */
  thin(kept: number, codes: Int32Array | undefined): Uint32Array {
    return this.#take(0, kept, codes)
  }

  /**
   * Which of the file's next rows are to be kept.
   * @param first number in the file of the first of them, which lies at `from`
   */
  next(first: number, from: number, to: number, codes: Int32Array | undefined): Uint32Array {
    if (to > this.#rows.length) {
      const larger = new Uint32Array(2 * to)
      larger.set(this.#rows)
      this.#rows = larger
    }
    for (let i = from; i < to; i++) this.#rows[i] = first + i - from
    return this.#take(from, to, codes)
  }

  #take(from: number, to: number, codes: Int32Array | undefined): Uint32Array {
    const kept = new Uint32Array(to - from)
    let count = 0
    for (let i = from; i < to; i++) {
      const code = codes?.[i] ?? -1
      if (code < 0 && this.#needsLabel) continue
      const row = this.#rows[i] ?? 0
      if (this.#isFirst(code, row) || uniformAt(SAMPLE_SEED, row) < this.#bound) {
        kept[count] = i
        this.#rows[from + count++] = row
      }
    }
    return kept.subarray(0, count)
  }

  #isFirst(code: number, row: number): boolean {
    if (code < 0) return false
    if (this.#always.has(row)) return true
    const seen = this.#seen.get(code) ?? 0
    if (seen === ROWS_OF_CLASS || (seen === 0 && this.#seen.size === MOST_CLASSES)) return false
    this.#seen.set(code, seen + 1)
    this.#always.add(row)
    return true
  }
}
