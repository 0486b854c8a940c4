import type {Scratch} from '../../kernels/scratch.ts'
import {type Knots, claimKnots} from './mapper.ts'
import type {Layout, NumericEncoder, Preprocessing} from './preprocessing.ts'

/** Deviation from which the distance of a column's numbers may exceed a double. */
const WIDE_SCALE = 1e300

/** Some rows of the file, at most as many as a block has. */
export interface SourceRows {
  readonly count: number
  /** Puts a column's elements of these rows into `into`. */
  load(column: Float64Array | Int32Array, into: Float64Array | Int32Array): void
}

/** Rows of the file from `start` to before `end`. */
export function rowsBetween(start: number, end: number): SourceRows {
  return {count: end - start, load: (column, into) => into.set(column.subarray(start, end))}
}

/** Rows of the file in any order. */
export function rowsAt(rows: Uint32Array): SourceRows {
  const {length} = rows
  const first = rows[0] ?? 0
  if (isRun(rows)) return rowsBetween(first, first + length)
  return {
    count: length,
    load(column, into) {
      for (let i = 0; i < length; i++) into[i] = column[rows[i] ?? 0] ?? NaN
    },
  }
}

function isRun(rows: Uint32Array): boolean {
  const first = rows[0] ?? 0
  for (let i = 1; i < rows.length; i++) if (rows[i] !== first + i) return false
  return true
}

/** Encodes rows of the file as a block of the design matrix, in memory claimed once. */
export class BlockEncoder {
  /** Columns of numbers and of their indicators. */
  readonly dense: number
  readonly #scratch: Scratch
  readonly #blockRows: number
  readonly #numbers: readonly NumberColumnEncoder[]
  readonly #texts: readonly TextColumnEncoder[]
  /** Of a column as the file has it, and of all columns encoded, one after the other. */
  readonly #sourceAt: number
  readonly #stagedAt: number

  /** @param blockRows a multiple of four */
  constructor(layout: Layout, preprocessing: Preprocessing, scratch: Scratch, blockRows: number) {
    this.#scratch = scratch
    this.#blockRows = blockRows
    this.#numbers = numberEncodersOf(layout, preprocessing, scratch)
    this.#texts = textEncodersOf(layout, scratch)
    this.dense = this.#numbers.length + this.#numbers.filter(({indicator}) => indicator !== null).length
    this.#sourceAt = scratch.claim(blockRows * 8)
    this.#stagedAt = scratch.claim(blockRows * this.dense * 8)
  }

  /**
   * @param valuesAt gets the numbers, row-major, `width` apart
   * @param onesAt gets the levels, row-major
   */
  encode(rows: SourceRows, valuesAt: number, width: number, onesAt: number): void {
    const {kernels} = this.#scratch
    const {count} = rows
    const source = this.#scratch.doubles(this.#sourceAt, count)
    const columnBytes = this.#blockRows * 8
    let indicatorAt = this.#stagedAt + this.#numbers.length * columnBytes
    for (const [
      j,
      {values, knots, imputed, factor, middle, width: scale, indicator},
    ] of this.#numbers.entries()) {
      const to = this.#stagedAt + j * columnBytes
      rows.load(values, source)
      if (knots !== null)
        kernels.normalScores(this.#sourceAt, count, knots.fromAt, knots.toAt, knots.count, to)
      kernels.standardize(knots === null ? this.#sourceAt : to, count, imputed, factor, middle, scale, to)
      if (indicator === null) continue
      kernels.indicate(this.#sourceAt, count, indicator.present, indicator.absent, indicatorAt)
      indicatorAt += columnBytes
    }
    kernels.rowsOf(this.#stagedAt, this.#blockRows, this.dense, count, valuesAt, width)
    const codes = this.#scratch.integers(this.#sourceAt, count)
    for (const [j, {codes: column, placesAt}] of this.#texts.entries()) {
      rows.load(column, codes)
      kernels.lookUp(this.#sourceAt, count, placesAt, onesAt + j * 4, this.#texts.length)
    }
  }
}

/** A numeric column: its standardization is (x * factor - middle) / width. */
interface NumberColumnEncoder {
  readonly values: Float64Array
  /** Of the map to a normal distribution. */
  readonly knots: Knots | null
  /** The encoded value of a missing number. */
  readonly imputed: number
  readonly factor: number
  readonly middle: number
  readonly width: number
  readonly indicator: {readonly present: number; readonly absent: number} | null
}

function numberEncodersOf(
  {choice}: Layout,
  {numbers}: Preprocessing,
  scratch: Scratch,
): NumberColumnEncoder[] {
  const doubleAt = scratch.claim(16)
  return numbers.flatMap((encoder, j): NumberColumnEncoder[] => {
    const values = choice.numbers[j]?.values
    if (values === undefined) return []
    const knots = claimKnots(encoder.transform, scratch)
    const {factor, middle, width} = standardization(encoder)
    scratch.doubles(doubleAt, 1)[0] = encoder.median
    if (knots !== null)
      scratch.kernels.normalScores(doubleAt, 1, knots.fromAt, knots.toAt, knots.count, doubleAt)
    const median = scratch.doubles(doubleAt, 1)[0] ?? NaN
    return [
      {
        values,
        knots,
        imputed: (median * factor - middle) / width,
        factor,
        middle,
        width,
        indicator: indicatorOf(encoder),
      },
    ]
  })
}

function indicatorOf({missing}: NumericEncoder): NumberColumnEncoder['indicator'] {
  if (missing === null) return null
  return {present: -missing.mean / missing.scale, absent: (1 - missing.mean) / missing.scale}
}

/** Exactly the encoder's, in halves if it is wide. */
function standardization({mean, scale}: NumericEncoder): {factor: number; middle: number; width: number} {
  const factor = scale > WIDE_SCALE ? 0.5 : 1
  return {factor, middle: mean * factor, width: scale * factor}
}

interface TextColumnEncoder {
  readonly codes: Int32Array
  /** Per code from -1 on the level's place among those of all columns; -1 for none. */
  readonly placesAt: number
}

function textEncodersOf({choice, categories}: Layout, scratch: Scratch): TextColumnEncoder[] {
  let offset = 0
  return categories.map(({encoder: {levels, pooled, missing}, placeOf, missingPlace}, j) => {
    const placesAt = scratch.claim((1 + placeOf.length) * 4)
    const places = scratch.integers(placesAt, 1 + placeOf.length)
    places[0] = missingPlace
    places.set(placeOf, 1)
    for (const [i, place] of places.entries()) places[i] = place < 0 ? -1 : offset + place
    offset += levels.length + Number(pooled) + Number(missing)
    return {codes: choice.categories[j]?.codes ?? new Int32Array(0), placesAt}
  })
}
