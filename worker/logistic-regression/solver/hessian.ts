import type {Design} from '../encoding/design.ts'

/** Rows that the kernel weights at a time. */
const ROWS_AT_ONCE = 64

/**
 * The Hessian of the loss, summed up over the blocks of a design: per pair of outputs one block X^T W X, in three
 * parts: numbers (and the intercept) with numbers, levels with numbers, levels with levels.
 */
export class Hessian {
  readonly #design: Design
  readonly #outputs: number
  /** Per pair of outputs. */
  readonly #partsAt: number[]
  /** Of each row of the block for the current pair, and of the rows that are weighted. */
  readonly #curvatureAt: number
  readonly #weightedAt: number

  /** Claims memory of the pass. */
  constructor(design: Design, outputs: number) {
    const {scratch, blockRows, width} = design
    this.#design = design
    this.#outputs = outputs
    this.#curvatureAt = scratch.claim(blockRows * 8)
    this.#weightedAt = scratch.claim(ROWS_AT_ONCE * width * 8)
    const {size} = this.#offsets
    this.#partsAt = Array.from({length: (outputs * (outputs + 1)) / 2}, () => scratch.claim(size * 8))
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

  /** The whole matrix in the order of the parameters, row-major and symmetric. */
  assemble(): Float64Array {
    const {scratch, columns} = this.#design
    const outputs = this.#outputs
    const {size: length} = this.#offsets
    const size = columns + 1
    const all = outputs * size
    const hessian = new Float64Array(all * all)
    let pair = 0
    for (let k = 0; k < outputs; k++) {
      for (let l = k; l < outputs; l++) {
        const parts = scratch.doubles(this.#partsAt[pair++] ?? 0, length)
        for (let a = 0; a < size; a++) {
          for (let b = a; b < size; b++) {
            const value = parts[this.#place(a, b)] ?? 0
            hessian[(k * size + a) * all + l * size + b] = value
            hessian[(k * size + b) * all + l * size + a] = value
            hessian[(l * size + a) * all + k * size + b] = value
            hessian[(l * size + b) * all + k * size + a] = value
          }
        }
      }
    }
    return hessian
  }

  /** Where the parts have the entry of two parameters, `a` not after `b`. */
  #place(a: number, b: number): number {
    const {dense, columns, width, levels} = this.#design
    const {mixed, pairs} = this.#offsets
    // The intercept comes last of the parameters, and right after the numbers in a row.
    const number = (parameter: number): number => (parameter === columns ? dense : parameter)
    const isLevel = (parameter: number): boolean => parameter >= dense && parameter < columns
    if (isLevel(a)) {
      return isLevel(b) ? pairs + (b - dense) * levels + (a - dense) : mixed + (a - dense) * width + number(b)
    }
    return isLevel(b) ? mixed + (b - dense) * width + number(a) : number(a) * width + number(b)
  }
}
