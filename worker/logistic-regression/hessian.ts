import type {Design} from './design.ts'

/**
 * The Hessian of the penalized loss, summed up over the blocks of a design: per pair of outputs one block X^T W X,
 * of which the upper triangle is kept.
 */
export class Hessian {
  readonly #design: Design
  readonly #outputs: number
  readonly #size: number
  readonly #pairs: Float64Array[]
  /** Weight of each row of the design's block for the pair in work. */
  readonly #weights: Float64Array

  constructor(design: Design, outputs: number) {
    this.#design = design
    this.#outputs = outputs
    this.#size = design.columns + 1
    this.#pairs = Array.from({length: (outputs * (outputs + 1)) / 2}, () => new Float64Array(this.#size ** 2))
    this.#weights = new Float64Array(design.blockRows)
  }

  /** @param probabilities of the design's encoded block, row-major `count` x outputs */
  add(count: number, probabilities: Float64Array): void {
    const outputs = this.#outputs
    let pair = 0
    for (let k = 0; k < outputs; k++) {
      for (let l = k; l < outputs; l++) {
        for (let i = 0; i < count; i++) {
          const p = probabilities[i * outputs + k] ?? 0
          this.#weights[i] = k === l ? p * (1 - p) : -p * (probabilities[i * outputs + l] ?? 0)
        }
        // Whole groups of four rows are taken: what is left of an earlier block counts nothing.
        this.#weights.fill(0, count)
        const triangle = this.#pairs[pair++]
        if (triangle === undefined) continue
        addDense(this.#design, this.#weights, count, triangle)
        addRest(this.#design, this.#weights, count, triangle)
      }
    }
  }

  /** The whole matrix, row-major and symmetric, with the penalty; intercepts are not penalized. */
  assemble(): Float64Array {
    const size = this.#size
    const outputs = this.#outputs
    const all = outputs * size
    const hessian = new Float64Array(all * all)
    let pair = 0
    for (let k = 0; k < outputs; k++) {
      for (let l = k; l < outputs; l++) {
        const triangle = this.#pairs[pair++]
        for (let a = 0; a < size; a++) {
          for (let b = a; b < size; b++) {
            const penalty = k === l && a === b && a < size - 1 ? 1 : 0
            const value = (triangle?.[a * size + b] ?? 0) + penalty
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
}

/** The products of numbers with numbers, where nearly all the time goes: four rows at once halve it. */
function addDense(
  {values, dense, columns}: Design,
  weights: Float64Array,
  count: number,
  triangle: Float64Array,
): void {
  const size = columns + 1
  for (let i = 0; i < count; i += 4) {
    const row0 = i * dense
    const row1 = row0 + dense
    const row2 = row1 + dense
    const row3 = row2 + dense
    for (let a = 0; a < dense; a++) {
      const scaled0 = (weights[i] ?? 0) * (values[row0 + a] ?? 0)
      const scaled1 = (weights[i + 1] ?? 0) * (values[row1 + a] ?? 0)
      const scaled2 = (weights[i + 2] ?? 0) * (values[row2 + a] ?? 0)
      const scaled3 = (weights[i + 3] ?? 0) * (values[row3 + a] ?? 0)
      const to = a * size
      for (let b = a; b < dense; b++) {
        triangle[to + b] =
          (triangle[to + b] ?? 0) +
          scaled0 * (values[row0 + b] ?? 0) +
          scaled1 * (values[row1 + b] ?? 0) +
          scaled2 * (values[row2 + b] ?? 0) +
          scaled3 * (values[row3 + b] ?? 0)
      }
    }
  }
}

/** The products with the ones of categories and of the intercept, which are sums. */
function addRest(design: Design, weights: Float64Array, count: number, triangle: Float64Array): void {
  const {values, ones, dense, categories, columns} = design
  const size = columns + 1
  for (let i = 0; i < count; i++) {
    const weight = weights[i] ?? 0
    const firstOne = i * categories
    for (let a = 0; a < dense; a++) {
      const scaled = weight * (values[i * dense + a] ?? 0)
      const to = a * size
      for (let c = 0; c < categories; c++) {
        const one = ones[firstOne + c] ?? -1
        if (one >= 0) triangle[to + one] = (triangle[to + one] ?? 0) + scaled
      }
      triangle[to + columns] = (triangle[to + columns] ?? 0) + scaled
    }
    for (let c = 0; c < categories; c++) {
      const one = ones[firstOne + c] ?? -1
      if (one < 0) continue
      const to = one * size
      for (let d = c; d < categories; d++) {
        const other = ones[firstOne + d] ?? -1
        if (other >= 0) triangle[to + other] = (triangle[to + other] ?? 0) + weight
      }
      triangle[to + columns] = (triangle[to + columns] ?? 0) + weight
    }
    triangle[columns * size + columns] = (triangle[columns * size + columns] ?? 0) + weight
  }
}
