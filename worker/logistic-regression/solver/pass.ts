import type {Blocks, Stretch} from '../encoding/design.ts'
import type {Hessian} from './hessian.ts'

/** Rows that the kernel looks at at a time. */
const ROWS_AT_ONCE = 64
const NO_HESSIAN = {numbersAt: 0, mixedAt: 0, pairsAt: 0, weightedAt: 0}

/** Most bytes that {@link Pass.addRows} claims for so many rows. */
export function bytesOfRows({blockRows, width}: Blocks, rows: number): number {
  return ROWS_AT_ONCE * (width + 3) * 8 + (rows + 1) * 4 + Math.ceil(rows / blockRows) * 16 + 4 * 16
}

/**
 * A pass over blocks of a design with some parameters: scores, loss and gradient of the block that is loaded, computed
 * by kernels. Only the latest pass of a design can be used, since they share its memory.
 */
export class Pass {
  /** Of the memory that it claims. */
  readonly start: number
  readonly end: number
  readonly #design: Blocks
  readonly #outputs: number
  /** Of the parameters and of the gradient: per output a block row's numbers, then the levels. */
  readonly #weightsAt: number
  readonly #gradientAt: number
  /** Row-major, `blockRows` x outputs, like the residuals. */
  readonly scoresAt: number
  readonly #residualsAt: number
  /** Of the second of two classes. */
  readonly #probabilitiesAt: number
  readonly #classesAt: number
  /** Of two doubles. */
  readonly #sumsAt: number

  /** @param parameters as an objective has them */
  constructor(design: Blocks, outputs: number, parameters: Float64Array) {
    const {scratch, blockRows, dense, columns, width} = design
    this.#design = design
    this.#outputs = outputs
    design.releasePass()
    this.start = scratch.end
    this.#weightsAt = scratch.claim(this.#weightsOfOutput * outputs * 8)
    this.#gradientAt = scratch.claim(this.#weightsOfOutput * outputs * 8)
    this.scoresAt = scratch.claim(blockRows * outputs * 8)
    this.#residualsAt = scratch.claim(blockRows * outputs * 8)
    this.#probabilitiesAt = scratch.claim(blockRows * 8)
    this.#classesAt = scratch.claim(blockRows * 4)
    this.#sumsAt = scratch.claim(16)
    this.end = scratch.end
    const weights = scratch.doubles(this.#weightsAt, this.#weightsOfOutput * outputs).fill(0)
    for (let k = 0; k < outputs; k++) {
      const own = parameters.subarray(k * (columns + 1), (k + 1) * (columns + 1))
      const to = k * this.#weightsOfOutput
      weights.set(own.subarray(0, dense), to)
      weights[to + dense] = own[columns] ?? 0
      weights.set(own.subarray(dense, columns), to + width)
    }
    scratch.doubles(this.#gradientAt, this.#weightsOfOutput * outputs).fill(0)
  }

  get #weightsOfOutput(): number {
    return this.#design.width + this.#design.levels
  }

  /** @returns the scores x·w + b of the block's rows, row-major `count` x outputs; valid until memory is claimed */
  score(count: number): Float64Array {
    const {scratch, valuesAt, onesAt, width, categories} = this.#design
    const outputs = this.#outputs
    for (let k = 0; k < outputs; k++) {
      const weights = this.#weightsAt + k * this.#weightsOfOutput * 8
      const to = this.scoresAt + k * 8
      scratch.kernels.scores(valuesAt, width, onesAt, categories, count, weights, to, outputs)
    }
    return scratch.doubles(this.scoresAt, count * outputs)
  }

  /** The probabilities of both classes by the scores. */
  probabilitiesOfTwo(count: number): [Float64Array, Float64Array] {
    const {scratch} = this.#design
    const [first, second] = [this.#residualsAt, this.#probabilitiesAt]
    scratch.kernels.probabilities(this.scoresAt, count, first, second)
    return [scratch.doubles(first, count), scratch.doubles(second, count)]
  }

  /** What {@link addGradient} reads. */
  residuals(count: number): Float64Array {
    return this.#design.scratch.doubles(this.#residualsAt, count * this.#outputs)
  }

  /**
   * Turns the scores of two classes into probabilities in place, and puts what they are beyond the class into the
   * residuals.
   * @param own classes of the block's rows
   * @returns the loss
   */
  lossOfTwo(own: Int32Array): number {
    const {scratch} = this.#design
    scratch.integers(this.#classesAt, own.length).set(own)
    scratch.kernels.lossOfTwo(this.scoresAt, this.#classesAt, own.length, this.#residualsAt, this.#sumsAt)
    // One logarithm for all: of so many factors of 2 at most the product is a double.
    const [product = 1, margin = 0] = scratch.doubles(this.#sumsAt, 2)
    return Math.log(product) + margin
  }

  /**
   * Scores, loss and gradient of rows of two classes at once, and their Hessian.
   * @param own classes of the rows
   * @returns the loss
   */
  addRows(
    {count, valuesAt, isFloat, onesAt}: Stretch,
    own: Int32Array,
    hessian: Hessian | undefined,
  ): number {
    const {scratch, blockRows, width, categories, levels} = this.#design
    const {end} = scratch
    const blocks = Math.ceil(count / blockRows)
    const widenedAt = scratch.claim(isFloat ? ROWS_AT_ONCE * width * 8 : 0)
    const classesAt = scratch.claim((count + 1) * 4)
    const oddsAt = scratch.claim(3 * ROWS_AT_ONCE * 8)
    const sumsAt = scratch.claim(blocks * 16)
    scratch.integers(classesAt, count).set(own)
    const {numbersAt, mixedAt, pairsAt, weightedAt} = hessian?.places ?? NO_HESSIAN
    scratch.kernels.passOfTwo(
      valuesAt,
      Number(isFloat),
      widenedAt,
      width,
      onesAt,
      categories,
      levels,
      classesAt,
      count,
      blockRows,
      this.#weightsAt,
      oddsAt,
      this.#gradientAt,
      sumsAt,
      numbersAt,
      mixedAt,
      pairsAt,
      weightedAt,
    )
    const sums = scratch.doubles(sumsAt, blocks * 2)
    let loss = 0
    for (let i = 0; i < sums.length; i += 2) loss += Math.log(sums[i] ?? 1) + (sums[i + 1] ?? 0)
    scratch.release(end)
    return loss
  }

  addGradient(count: number): void {
    const {scratch, valuesAt, onesAt, width, categories} = this.#design
    const outputs = this.#outputs
    for (let k = 0; k < outputs; k++) {
      const residuals = this.#residualsAt + k * 8
      const to = this.#gradientAt + k * this.#weightsOfOutput * 8
      scratch.kernels.addGradient(valuesAt, width, onesAt, categories, count, residuals, outputs, to)
    }
  }

  /** In the order of the parameters. */
  gradient(): Float64Array {
    const {scratch, dense, columns, width} = this.#design
    const gradient = new Float64Array(this.#outputs * (columns + 1))
    for (let k = 0; k < this.#outputs; k++) {
      const own = scratch.doubles(this.#gradientAt + k * this.#weightsOfOutput * 8, this.#weightsOfOutput)
      const to = k * (columns + 1)
      gradient.set(own.subarray(0, dense), to)
      gradient.set(own.subarray(width), to + dense)
      gradient[to + columns] = own[dense] ?? 0
    }
    return gradient
  }
}
