import type {Scratch} from '../../kernels/scratch.ts'
import type {Numbers} from './survey.ts'

/** Rows that are gathered at once. */
const MOST_ROWS = 8 * 1024
/** Of rows further apart than this, one by one costs less than all in between. */
const MOST_DISTANCE = 4

/** Rows whose numbers are not worth copying. */
const FEW_ROWS = 64

/** Gathers the numbers that columns have in some rows. */
export class Gatherer {
  readonly #rows: Uint32Array
  readonly #scratch: Scratch
  readonly #rowsAt: number
  readonly #numbersAt: number
  readonly #presentAt: number

  /** @param rows rising */
  constructor(rows: Uint32Array, scratch: Scratch) {
    this.#rows = rows
    this.#scratch = scratch
    this.#rowsAt = scratch.claim(MOST_ROWS * 4)
    this.#numbersAt = scratch.claim(MOST_ROWS * MOST_DISTANCE * 8)
    this.#presentAt = scratch.claim((MOST_ROWS + 1) * 8)
  }

  numbersOf(values: Float64Array): Numbers {
    return {
      length: this.#rows.length,
      at: (place) => values[this.#rows[place] ?? 0] ?? NaN,
      read: (start, end, into) => {
        const rows = this.#rows.subarray(start, end)
        if (rows.length < FEW_ROWS) return readFar(values, rows, into)
        const first = rows[0] ?? 0
        const length = (rows.at(-1) ?? 0) + 1 - first
        return rows.length <= MOST_ROWS && length <= MOST_DISTANCE * rows.length
          ? this.#readNear(values.subarray(first, first + length), rows, into)
          : readFar(values, rows, into)
      },
    }
  }

  /** @param numbers from the first of the rows to the last */
  #readNear(numbers: Float64Array, rows: Uint32Array, into: Float64Array): number {
    const scratch = this.#scratch
    scratch.doubles(this.#numbersAt, numbers.length).set(numbers)
    scratch.integers(this.#rowsAt, rows.length).set(rows)
    const base = rows[0] ?? 0
    const count = scratch.kernels.gatherPresent(
      this.#numbersAt,
      this.#rowsAt,
      base,
      rows.length,
      this.#presentAt,
    )
    into.set(scratch.doubles(this.#presentAt, count))
    return count
  }
}

function readFar(values: Float64Array, rows: Uint32Array, into: Float64Array): number {
  let count = 0
  for (let i = 0; i < rows.length; i++) {
    const value = values[rows[i] ?? 0] ?? NaN
    if (value === value) into[count++] = value
  }
  return count
}
