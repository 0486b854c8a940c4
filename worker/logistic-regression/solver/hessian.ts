import type {Blocks} from '../encoding/design.ts'
import {reserveMatrix} from '../kept-memory.ts'

/** Rows that the kernel weights at a time. */
const ROWS_AT_ONCE = 64

/**
 * The Hessian of the loss, summed up over the blocks of a design: per pair of outputs one block X^T W X, in three
 * parts: numbers (and the intercept) with numbers, levels with numbers, levels with levels.
 */
export class Hessian {
  /** Of the memory that it claims. */
  readonly end: number
  readonly #design: Blocks
  readonly #outputs: number
  /** Per pair of outputs. */
  readonly #partsAt: number[]
  /** Of each row of the block for the current pair, and of the rows that are weighted. */
  readonly #curvatureAt: number
  readonly #weightedAt: number

  /** Claims memory of the pass. */
  constructor(design: Blocks, outputs: number) {
    const {scratch, blockRows, width} = design
    this.#design = design
    this.#outputs = outputs
    this.#curvatureAt = scratch.claim(blockRows * 8)
    this.#weightedAt = scratch.claim(ROWS_AT_ONCE * width * 8)
    const {size} = this.#offsets
    this.#partsAt = Array.from({length: (outputs * (outputs + 1)) / 2}, () => scratch.claim(size * 8))
    this.end = scratch.end
    for (const at of this.#partsAt) scratch.doubles(at, size).fill(0)
  }

  /** Of the second and third part, and the size of all, in doubles. */
  get #offsets(): {mixed: number; pairs: number; size: number} {
    const {width, levels} = this.#design
    const mixed = width * width
    const pairs = mixed + levels * width
    return {mixed, pairs, size: pairs + levels * levels}
  }

  /**
   * @param probabilitiesAt of the design's block, row-major `count` x outputs
   * @param weights per row; undefined if all count alike
   */
  add(count: number, probabilitiesAt: number, weights: Float64Array | undefined): void {
    const {scratch, valuesAt, width, onesAt, categories, levels} = this.#design
    const {kernels} = scratch
    const outputs = this.#outputs
    const {mixed, pairs} = this.#offsets
    let pair = 0
    for (let k = 0; k < outputs; k++) {
      for (let l = k; l < outputs; l++) {
        kernels.curvature(probabilitiesAt, outputs, k, l, count, this.#curvatureAt)
        if (weights !== undefined) {
          const curvature = scratch.doubles(this.#curvatureAt, count)
          for (let i = 0; i < count; i++) curvature[i] = (curvature[i] ?? 0) * (weights[i] ?? 0)
        }
        const to = this.#partsAt[pair++] ?? 0
        kernels.addHessian(
          valuesAt,
          width,
          onesAt,
          categories,
          levels,
          count,
          this.#curvatureAt,
          this.#weightedAt,
          to,
          to + mixed * 8,
          to + pairs * 8,
        )
      }
    }
  }

  /** Where the parts are that a pass of two classes adds to, and its rows, weighted. */
  get places(): {numbersAt: number; mixedAt: number; pairsAt: number; weightedAt: number} {
    const {mixed, pairs} = this.#offsets
    const numbersAt = this.#partsAt[0] ?? 0
    return {
      numbersAt,
      mixedAt: numbersAt + mixed * 8,
      pairsAt: numbersAt + pairs * 8,
      weightedAt: this.#weightedAt,
    }
  }

  /** The whole matrix in the order of the parameters, row-major and symmetric. */
  assemble(): Float64Array {
    const {scratch, columns, width, dense, levels} = this.#design
    const outputs = this.#outputs
    const {mixed, pairs} = this.#offsets
    const size = columns + 1
    const all = outputs * size
    const {end} = scratch
    const to = scratch.claim(all * all * 8)
    let pair = 0
    for (let k = 0; k < outputs; k++) {
      for (let l = k; l < outputs; l++) {
        const at = this.#partsAt[pair++] ?? 0
        scratch.kernels.assembleHessian(
          at,
          at + mixed * 8,
          at + pairs * 8,
          width,
          dense,
          levels,
          size,
          all,
          k,
          l,
          to,
        )
      }
    }
    const hessian = reserveMatrix(all * all)
    hessian.set(scratch.doubles(to, all * all))
    scratch.release(end)
    return hessian
  }
}
