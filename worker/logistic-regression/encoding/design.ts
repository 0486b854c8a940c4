import {Scratch} from '../kernels/scratch.ts'
import type {Pacer} from '../pacer.ts'
import type {Layout, NumericEncoder, Preprocessing} from './preprocessing.ts'
import {applier} from './transforms.ts'

/** Memory of one block of dense values: fits the processor's L2 cache. */
const BLOCK_BYTES = 256 * 1024
const MOST_BLOCK_ROWS = 512
/** Kernels compute with this many columns of a block at a time. */
const COLUMNS_AT_ONCE = 4
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
 * A row is `dense` standardized numbers, then the intercept's 1, then zeros up to `width`; and for each text column the
 * level that is 1 (-1: none). Levels are counted through all text columns.
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
  /** Of a block's row, in doubles: a multiple of four. */
  readonly width: number
  /** Holds the block. What a pass claims beyond it, the next one may overwrite. */
  readonly scratch = new Scratch()
  /** Of the block's values: row-major, `blockRows` x `width`. */
  readonly valuesAt: number
  /** Of the block's levels: row-major, `blockRows` x `categories`. */
  readonly onesAt: number
  readonly #stagedAt: number
  readonly #blockEnd: number
  readonly #layout: Layout
  readonly #encoders: readonly ColumnEncoder[]
  readonly #offsets: number[] = []
  #kept: {values: Float64Array | Float32Array; ones: Int32Array} | undefined

  constructor(layout: Layout, preprocessing: Preprocessing, rows: Uint32Array) {
    this.rows = rows
    this.#layout = layout
    this.#encoders = encodersOf(layout, preprocessing)
    this.dense = this.#encoders.length
    this.categories = preprocessing.categories.length
    let levels = 0
    for (const {levels: own, pooled, missing} of preprocessing.categories) {
      this.#offsets.push(levels)
      levels += own.length + Number(pooled) + Number(missing)
    }
    this.columns = this.dense + levels
    this.width = Math.ceil((this.dense + 1) / COLUMNS_AT_ONCE) * COLUMNS_AT_ONCE
    const fitting = Math.min(MOST_BLOCK_ROWS, Math.floor(BLOCK_BYTES / 8 / Math.max(1, this.dense)))
    this.blockRows = Math.max(8, fitting - (fitting % 4))
    this.#stagedAt = this.scratch.claim(this.blockRows * this.width * 8)
    this.valuesAt = this.scratch.claim(this.blockRows * this.width * 8)
    this.onesAt = this.scratch.claim(this.blockRows * this.categories * 4)
    this.#blockEnd = this.scratch.end
    const {values} = this
    for (let at = this.dense; at < values.length; at += this.width) values[at] = 1
  }

  /** Levels of all text columns together. */
  get levels(): number {
    return this.columns - this.dense
  }

  get values(): Float64Array {
    return this.scratch.doubles(this.valuesAt, this.blockRows * this.width)
  }

  get ones(): Int32Array {
    return this.scratch.integers(this.onesAt, this.blockRows * this.categories)
  }

  /** Frees what the last pass has claimed. */
  releasePass(): void {
    this.scratch.release(this.#blockEnd)
  }

  /** Encodes all rows now, for more than one pass over them. */
  async keep(pacer: Pacer): Promise<void> {
    const {blockRows, width, categories} = this
    const {length} = this.rows
    if (this.#kept !== undefined || length * this.dense > MOST_FLOATS) return
    const isLong = length * this.dense > MOST_DOUBLES
    const values = isLong ? new Float32Array(length * width) : new Float64Array(length * width)
    const ones = new Int32Array(length * categories)
    for (let start = 0; start < length; start += blockRows) {
      const count = this.encode(start, length)
      values.set(this.scratch.doubles(this.valuesAt, count * width), start * width)
      ones.set(this.scratch.integers(this.onesAt, count * categories), start * categories)
      if (pacer.due) await pacer.pause()
    }
    this.#kept = {values, ones}
  }

  /**
   * Loads rows of {@link rows} into the block: from `start`, as many as fit.
   * @param end exclusive
   * @returns the number of rows loaded
   */
  encode(start: number, end: number): number {
    const {blockRows, width, categories, scratch} = this
    const count = Math.min(blockRows, end - start)
    const stop = start + count
    if (this.#kept === undefined) {
      this.#encodeNumbers(start, stop)
      this.#encodeLevels(start, stop)
      return count
    }
    const {values, ones} = this.#kept
    const block = values.subarray(start * width, stop * width)
    if (block instanceof Float64Array) {
      scratch.doubles(this.valuesAt, block.length).set(block)
    } else {
      scratch.floats(this.#stagedAt, block.length).set(block)
      scratch.kernels.widen(this.#stagedAt, block.length, this.valuesAt)
    }
    if (categories > 0) this.ones.set(ones.subarray(start * categories, stop * categories))
    return count
  }

  #encodeNumbers(start: number, stop: number): void {
    const {blockRows, dense, width, scratch} = this
    const rows = this.rows.subarray(start, stop)
    const staged = scratch.doubles(this.#stagedAt, blockRows * dense)
    this.#encoders.forEach((encode, j) => encode(rows, staged, j * blockRows))
    scratch.kernels.rowsOf(this.#stagedAt, blockRows, dense, rows.length, this.valuesAt, width)
  }

  #encodeLevels(start: number, end: number): void {
    const {rows, categories, ones} = this
    this.#layout.categories.forEach(({placeOf, missingPlace}, j) => {
      const codes = this.#layout.choice.categories[j]?.codes
      const offset = this.#offsets[j] ?? 0
      for (let i = start, at = j; i < end; i++, at += categories) {
        const code = codes?.[rows[i] ?? 0] ?? -1
        const place = code < 0 ? missingPlace : (placeOf[code] ?? -1)
        ones[at] = place < 0 ? -1 : offset + place
      }
    })
  }
}

/** Encodes some rows of the file as part of one dense column, into `into` from `at` on. */
type ColumnEncoder = (rows: Uint32Array, into: Float64Array, at: number) => void

/** Of the numbers, then of those that may be missing. */
function encodersOf({choice}: Layout, {numbers}: Preprocessing): ColumnEncoder[] {
  const sources = numbers.flatMap((encoder, j) => {
    const values = choice.numbers[j]?.values
    return values === undefined ? [] : [{encoder, values}]
  })
  return [
    ...sources.map(({encoder, values}) => numberEncoder(encoder, values)),
    ...sources.flatMap(({encoder: {missing}, values}) =>
      missing === null ? [] : [indicatorEncoder(missing, values)],
    ),
  ]
}

function numberEncoder(encoder: NumericEncoder, values: Float64Array): ColumnEncoder {
  const transform = applier(encoder.transform)
  const {factor, middle, width} = standardization(encoder)
  const imputed = (transform(encoder.median) * factor - middle) / width
  return (rows, into, at) => {
    for (let i = 0; i < rows.length; i++) {
      const value = transform(values[rows[i] ?? 0] ?? NaN)
      into[at + i] = value === value ? (value * factor - middle) / width : imputed
    }
  }
}

function indicatorEncoder(
  {mean, scale}: NonNullable<NumericEncoder['missing']>,
  values: Float64Array,
): ColumnEncoder {
  const present = -mean / scale
  const absent = (1 - mean) / scale
  return (rows, into, at) => {
    for (let i = 0; i < rows.length; i++) {
      const value = values[rows[i] ?? 0] ?? NaN
      into[at + i] = value === value ? present : absent
    }
  }
}

/** A column's standardization, (x * factor - middle) / width: exactly the encoder's, in halves if it is wide. */
function standardization({mean, scale}: NumericEncoder): {factor: number; middle: number; width: number} {
  const factor = scale > WIDE_SCALE ? 0.5 : 1
  return {factor, middle: mean * factor, width: scale * factor}
}
