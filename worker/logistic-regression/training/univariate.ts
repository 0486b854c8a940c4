import type {Scratch} from '../../kernels/scratch.ts'
import {claimKnots} from '../encoding/mapper.ts'
import type {Transform} from '../encoding/transforms.ts'
import {outputsFor} from '../solver/objective.ts'

/** Where rows are few, more parts are made of them, so that fewer are lost to each: from 2 for 750 to 5 for 333. */
const ROWS_TIMES_PARTS = 1500
const FEWEST_PARTS = 2
const MOST_PARTS = 5

/** By how much one loss was below another, over some rows. */
export interface Difference {
  count: number
  sum: number
  squares: number
}

/**
 * Measures how well a single column predicts, by cross-validation: per row the loss under what a regression on the
 * column, penalized as the model itself, has learned from the other parts; with many classes the sum of each against
 * the rest. Losses are named by their place in memory.
 */
export class Judge {
  readonly #scratch: Scratch
  readonly #count: number
  readonly #parts: number
  /** Of the rows with a number, part by part. */
  readonly #valuesAt: number
  readonly #classesAt: number
  readonly #endsAt: number
  readonly #unitsAt: number
  readonly #sumsAt: number
  /** Rows of each class. */
  readonly #members: readonly number[]

  /**
   * @param rows that are looked at
   * @param codes class per row of the file
   * @param scratch that nothing else claims of while the judge is used
   */
  constructor(values: Float64Array, rows: Uint32Array, codes: Int32Array, classes: number, scratch: Scratch) {
    const {kernels} = scratch
    const {length} = rows
    this.#scratch = scratch
    // A pair at the end may be one row.
    const claim = (): number => scratch.claim((length + 1) * 8)
    const [numbersAt, ownAt] = [claim(), claim()]
    this.#valuesAt = claim()
    this.#classesAt = claim()
    this.#unitsAt = claim()
    this.#endsAt = scratch.claim(MOST_PARTS * 4)
    this.#sumsAt = scratch.claim(16)
    const countsAt = scratch.claim(classes * 4)
    gather(values, rows, scratch.doubles(numbersAt, length))
    gather(codes, rows, scratch.integers(ownAt, length))
    this.#count = kernels.dropMissing(numbersAt, ownAt, length)
    const parts = Math.round(ROWS_TIMES_PARTS / Math.max(1, this.#count))
    this.#parts = Math.max(FEWEST_PARTS, Math.min(MOST_PARTS, parts))
    kernels.dealInTurn(
      numbersAt,
      ownAt,
      this.#count,
      this.#parts,
      classes,
      countsAt,
      this.#endsAt,
      this.#valuesAt,
      this.#classesAt,
    )
    this.#members = [...scratch.integers(countsAt, classes)]
  }

  /** @param median of the column, from which distances are small */
  ofNumber(median: number): number {
    // Halves, since the distance of two doubles may exceed a double.
    return this.#losses(this.#valuesAt, 0.5, median / 2)
  }

  ofMap(map: Transform): number {
    const scratch = this.#scratch
    const knots = claimKnots(map, scratch)
    if (knots === null) return this.#losses(this.#valuesAt, 1, 0)
    const at = scratch.claim(this.#count * 8)
    scratch.kernels.normalScores(this.#valuesAt, this.#count, knots.fromAt, knots.toAt, knots.count, at)
    return this.#losses(at, 1, 0)
  }

  ofNothing(): number {
    return this.#losses(this.#valuesAt, 0, 0)
  }

  difference(before: number, after: number): Difference {
    this.#scratch.kernels.differences(before, after, this.#count, this.#sumsAt)
    const [sum = 0, squares = 0] = this.#scratch.doubles(this.#sumsAt, 2)
    return {count: this.#count, sum, squares}
  }

  #losses(valuesAt: number, factor: number, shift: number): number {
    const scratch = this.#scratch
    const {kernels} = scratch
    const count = this.#count
    const at = scratch.claim((count + 1) * 8)
    scratch.doubles(at, count + 1).fill(0)
    kernels.toUnits(valuesAt, count, factor, shift, this.#unitsAt)
    const classes = this.#members.length
    for (let k = 0; k < outputsFor(classes); k++) {
      const own = classes === 2 ? 1 : k
      const members = this.#members[own] ?? 0
      // Gives every row the share of the class.
      const start = Math.log((members + 0.5) / (count - members + 0.5))
      kernels.addLossesOfLines(
        this.#unitsAt,
        this.#classesAt,
        own,
        count,
        this.#endsAt,
        this.#parts,
        start,
        at,
      )
    }
    return at
  }
}

function gather<T extends Float64Array | Int32Array>(from: T, rows: Uint32Array, into: T): void {
  for (let i = 0; i < rows.length; i++) into[i] = from[rows[i] ?? 0] ?? NaN
}
