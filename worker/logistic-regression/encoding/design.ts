import type {Pacer} from '../pacer.ts'
import type {Layout, NumericEncoder, Preprocessing} from './preprocessing.ts'
import {applier} from './transforms.ts'

/** Memory of one block of dense values: fits the processor's L2 cache. */
const BLOCK_BYTES = 256 * 1024
const MOST_BLOCK_ROWS = 512
/**
 * Dense values that are kept as doubles: 32 MB. More are kept as floats, whose rounding (6e-8 of a value at most, in no
 * direction) is far below what so many rows can resolve: with a million of them, coefficients differed by 5e-9.
 */
const MOST_DOUBLES = 4 * 1024 * 1024
/** Most dense values that are kept: 400 MB. More are re-encoded in each pass. */
const MOST_FLOATS = 100 * 1024 * 1024
/** Deviation from which the distance of a column's numbers may exceed a double. */
const WIDE_SCALE = 1e300

/**
 * Some rows of the file as rows of the design matrix, a block at a time. They are encoded once if they can be kept,
 * otherwise in each pass, which bounds memory beyond the file's columns.
 *
 * A row is `dense` standardized numbers, then `categories` positions of the columns that are 1 (-1: none), then the
 * intercept's column of ones, which is implied.
 */
export class Design {
  readonly rows: Uint32Array
  /** Numeric columns, which come first in the matrix. */
  readonly dense: number
  /** Text columns, each with at most one 1 per row. */
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
  /** Per numeric column, the value encoded for a missing one. */
  readonly #imputed: number[]
  readonly #indicated: number[]
  readonly #transforms: ((value: number) => number)[]
  readonly #offsets: number[] = []
  #kept: {values: Float64Array | Float32Array; ones: Int32Array} | undefined

  constructor(layout: Layout, preprocessing: Preprocessing, rows: Uint32Array) {
    this.rows = rows
    this.#layout = layout
    this.#preprocessing = preprocessing
    this.#transforms = preprocessing.numbers.map(({transform}) => applier(transform))
    this.#imputed = preprocessing.numbers.map((encoder, i) => {
      const {factor, middle, width} = standardization(encoder)
      return ((this.#transforms[i]?.(encoder.median) ?? encoder.median) * factor - middle) / width
    })
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

  /** Encodes all rows now, for more than one pass over them. */
  async keep(pacer: Pacer): Promise<void> {
    const cells = this.rows.length * this.dense
    if (this.#kept !== undefined || cells > MOST_FLOATS) return
    const values = cells > MOST_DOUBLES ? new Float32Array(cells) : new Float64Array(cells)
    const ones = new Int32Array(this.rows.length * this.categories)
    for (let start = 0; start < this.rows.length; start += this.blockRows) {
      const count = this.encode(start, this.rows.length)
      values.set(this.values.subarray(0, count * this.dense), start * this.dense)
      ones.set(this.ones.subarray(0, count * this.categories), start * this.categories)
      if (pacer.due) await pacer.pause()
    }
    this.#kept = {values, ones}
  }

  /**
   * Loads rows of {@link rows} into {@link values} and {@link ones}: from `start`, as many as fit in a block.
   * @param end exclusive
   * @returns the number of rows loaded
   */
  encode(start: number, end: number): number {
    const {dense, categories} = this
    const count = Math.min(this.blockRows, end - start)
    if (this.#kept === undefined) {
      this.#encode(start, count)
    } else {
      const {values, ones} = this.#kept
      this.values.set(values.subarray(start * dense, (start + count) * dense))
      this.ones.set(ones.subarray(start * categories, (start + count) * categories))
    }
    return count
  }

  #encode(start: number, count: number): void {
    const {values, dense, rows} = this
    const {numbers} = this.#layout.choice
    this.#preprocessing.numbers.forEach((encoder, j) => {
      const source = numbers[j]?.values
      const transform = this.#transforms[j]
      if (source === undefined || transform === undefined) return
      const imputed = this.#imputed[j] ?? 0
      const {factor, middle, width} = standardization(encoder)
      for (let i = 0, at = j; i < count; i++, at += dense) {
        const value = transform(source[rows[start + i] ?? 0] ?? NaN)
        values[at] = value === value ? (value * factor - middle) / width : imputed
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
  }
}

/** A column's standardization, (x * factor - middle) / width: exactly the encoder's, in halves if it is wide. */
function standardization({mean, scale}: NumericEncoder): {factor: number; middle: number; width: number} {
  const factor = scale > WIDE_SCALE ? 0.5 : 1
  return {factor, middle: mean * factor, width: scale * factor}
}
