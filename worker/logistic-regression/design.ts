import type {Layout, Preprocessing} from './preprocessing.ts'
import {applier} from './transforms.ts'

/** Memory of one block of dense values: stays in the processor's second-level cache. */
const BLOCK_BYTES = 256 * 1024
const MOST_BLOCK_ROWS = 512

/**
 * Some rows of the file as rows of the design matrix, encoded a block at a time: the matrix itself is never held,
 * so the memory is that of the file's columns, and each fold may have its own preprocessing.
 *
 * A row is `dense` standardized numbers, then `categories` positions of the columns that are 1 (-1: none), then the
 * intercept's column of ones, which is implied.
 */
export class Design {
  readonly rows: Uint32Array
  /** Columns with numbers; the first of the matrix. */
  readonly dense: number
  /** Columns of texts, each with at most one 1 a row. */
  readonly categories: number
  /** Columns of the matrix without the intercept. */
  readonly columns: number
  /** A multiple of four. */
  readonly blockRows: number
  /** Row-major, `blockRows` x `dense`. */
  readonly values: Float64Array
  /** Row-major, `blockRows` x `categories`: the column of the matrix that is 1. */
  readonly ones: Int32Array
  readonly #layout: Layout
  readonly #preprocessing: Preprocessing
  /** Per column of numbers what is encoded where there is none. */
  readonly #imputed: number[]
  readonly #indicated: number[]
  /** Per column of numbers what stands in for it, by place among {@link rows}; undefined where it needs no transform. */
  readonly #transformed: (Float64Array | undefined)[]
  readonly #offsets: number[] = []

  constructor(layout: Layout, preprocessing: Preprocessing, rows: Uint32Array) {
    this.rows = rows
    this.#layout = layout
    this.#preprocessing = preprocessing
    // Once, and not in each of the passes over the rows.
    this.#transformed = preprocessing.numbers.map(({transform}, i) => {
      const source = layout.choice.numbers[i]?.values
      if (transform.kind === 'identity' || source === undefined) return undefined
      const apply = applier(transform)
      return Float64Array.from(rows, (row) => apply(source[row] ?? NaN))
    })
    this.#imputed = preprocessing.numbers.map(
      ({transform, median, mean, scale}) => (applier(transform)(median) - mean) / scale,
    )
    this.#indicated = preprocessing.numbers.flatMap(({missing}, i) => (missing === null ? [] : [i]))
    this.dense = preprocessing.numbers.length + this.#indicated.length
    this.categories = preprocessing.categories.length
    let columns = this.dense
    for (const {levels, pooled, missing} of preprocessing.categories) {
      this.#offsets.push(columns)
      columns += levels.length + Number(pooled) + Number(missing)
    }
    this.columns = columns
    const fitting = Math.min(MOST_BLOCK_ROWS, Math.floor(BLOCK_BYTES / 8 / Math.max(1, this.dense)))
    this.blockRows = Math.max(8, fitting - (fitting % 4))
    this.values = new Float64Array(this.blockRows * this.dense)
    this.ones = new Int32Array(this.blockRows * this.categories)
  }

  /** Encodes rows `start` to `start + blockRows` of {@link rows} into {@link values} and {@link ones}. */
  encode(start: number): number {
    const count = Math.min(this.blockRows, this.rows.length - start)
    const {values, dense, rows} = this
    const {numbers} = this.#layout.choice
    this.#preprocessing.numbers.forEach(({mean, scale}, j) => {
      const source = numbers[j]?.values
      if (source === undefined) return
      const transformed = this.#transformed[j]
      const imputed = this.#imputed[j] ?? 0
      for (let i = 0, at = j; i < count; i++, at += dense) {
        const value =
          (transformed === undefined ? source[rows[start + i] ?? 0] : transformed[start + i]) ?? NaN
        values[at] = value === value ? (value - mean) / scale : imputed
      }
    })
    this.#indicated.forEach((number, k) => {
      const source = numbers[number]?.values
      const missing = this.#preprocessing.numbers[number]?.missing
      if (source === undefined || !missing) return
      const present = -missing.mean / missing.scale
      const absent = (1 - missing.mean) / missing.scale
      for (let i = 0, at = numbers.length + k; i < count; i++, at += dense) {
        const value = source[rows[start + i] ?? 0] ?? NaN
        values[at] = value === value ? present : absent
      }
    })
    this.#layout.categories.forEach(({placeOf, missingPlace}, j) => {
      const codes = this.#layout.choice.categories[j]?.codes
      const offset = this.#offsets[j] ?? 0
      for (let i = 0, at = j; i < count; i++, at += this.categories) {
        const code = codes?.[rows[start + i] ?? 0] ?? -1
        const place = code < 0 ? missingPlace : (placeOf[code] ?? -1)
        this.ones[at] = place < 0 ? -1 : offset + place
      }
    })
    return count
  }
}
