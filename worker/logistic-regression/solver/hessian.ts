import type {Design} from '../encoding/design.ts'

/**
 * The Hessian of the loss, summed up over the blocks of a design: per pair of outputs one block X^T W X,
 * of which a half is kept.
 */
export class Hessian {
  readonly #design: Design
  readonly #outputs: number
  readonly #size: number
  readonly #pairs: Float64Array[]
  /** Weight of each row of the design's block for the current pair. */
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
        // Rows are processed in groups of four: leftovers of an earlier block count nothing.
        this.#weights.fill(0, count)
        const triangle = this.#pairs[pair++]
        if (triangle === undefined) continue
        addDense(this.#design, this.#weights, count, triangle)
        addIntercept(this.#design, this.#weights, count, triangle)
        addCategories(this.#design, this.#weights, count, triangle)
      }
    }
  }

  /** The whole matrix, row-major and symmetric. */
  assemble(): Float64Array {
    const size = this.#size
    const outputs = this.#outputs
    const all = outputs * size
    const {dense} = this.#design
    const hessian = new Float64Array(all * all)
    let pair = 0
    for (let k = 0; k < outputs; k++) {
      for (let l = k; l < outputs; l++) {
        const triangle = this.#pairs[pair++]
        for (let a = 0; a < size; a++) {
          for (let b = a; b < size; b++) {
            // Numbers with numbers lie above the diagonal, all others below it.
            const value = triangle?.[b < dense ? a * size + b : b * size + a] ?? 0
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

/** The products of numbers with numbers, where nearly all the time goes. */
function addDense(
  {values, dense, columns}: Design,
  weights: Float64Array,
  count: number,
  triangle: Float64Array,
): void {
  const size = columns + 1
  for (let i = 0; i < count; i += 4) {
    for (let a = 0; a + 1 < dense; a += 2) addTwoRows(values, dense, weights, i, a, triangle, size)
    if (dense % 2 === 1) {
      const last = dense - 1
      let sum = triangle[last * size + last] ?? 0
      for (let row = i, at = i * dense + last; row < i + 4; row++, at += dense)
        sum += (weights[row] ?? 0) * (values[at] ?? 0) ** 2
      triangle[last * size + last] = sum
    }
  }
}

/** Two rows of the triangle from four rows of the design: each loaded number is reused as often as possible. */
function addTwoRows(
  values: Float64Array,
  dense: number,
  weights: Float64Array,
  i: number,
  a: number,
  triangle: Float64Array,
  size: number,
): void {
  const row0 = i * dense
  const row1 = row0 + dense
  const row2 = row1 + dense
  const row3 = row2 + dense
  const w0 = weights[i] ?? 0
  const w1 = weights[i + 1] ?? 0
  const w2 = weights[i + 2] ?? 0
  const w3 = weights[i + 3] ?? 0
  const p0 = w0 * (values[row0 + a] ?? 0)
  const p1 = w1 * (values[row1 + a] ?? 0)
  const p2 = w2 * (values[row2 + a] ?? 0)
  const p3 = w3 * (values[row3 + a] ?? 0)
  const q0 = w0 * (values[row0 + a + 1] ?? 0)
  const q1 = w1 * (values[row1 + a + 1] ?? 0)
  const q2 = w2 * (values[row2 + a + 1] ?? 0)
  const q3 = w3 * (values[row3 + a + 1] ?? 0)
  const top = a * size
  const below = top + size
  triangle[top + a] =
    (triangle[top + a] ?? 0) +
    p0 * (values[row0 + a] ?? 0) +
    p1 * (values[row1 + a] ?? 0) +
    p2 * (values[row2 + a] ?? 0) +
    p3 * (values[row3 + a] ?? 0)
  for (let b = a + 1; b < dense; b++) {
    const x0 = values[row0 + b] ?? 0
    const x1 = values[row1 + b] ?? 0
    const x2 = values[row2 + b] ?? 0
    const x3 = values[row3 + b] ?? 0
    triangle[top + b] = (triangle[top + b] ?? 0) + p0 * x0 + p1 * x1 + p2 * x2 + p3 * x3
    triangle[below + b] = (triangle[below + b] ?? 0) + q0 * x0 + q1 * x1 + q2 * x2 + q3 * x3
  }
}

/** The products with the intercept's ones, which are sums: below the diagonal, where they are adjacent. */
function addIntercept(
  {values, dense, columns}: Design,
  weights: Float64Array,
  count: number,
  matrix: Float64Array,
): void {
  const to = columns * (columns + 1)
  let sum = matrix[to + columns] ?? 0
  for (let i = 0; i < count; i += 4) {
    const row0 = i * dense
    const row1 = row0 + dense
    const row2 = row1 + dense
    const row3 = row2 + dense
    const w0 = weights[i] ?? 0
    const w1 = weights[i + 1] ?? 0
    const w2 = weights[i + 2] ?? 0
    const w3 = weights[i + 3] ?? 0
    sum += w0 + w1 + w2 + w3
    for (let a = 0; a < dense; a++)
      matrix[to + a] =
        (matrix[to + a] ?? 0) +
        w0 * (values[row0 + a] ?? 0) +
        w1 * (values[row1 + a] ?? 0) +
        w2 * (values[row2 + a] ?? 0) +
        w3 * (values[row3 + a] ?? 0)
  }
  matrix[to + columns] = sum
}

/** The products with the ones of categories, also below the diagonal. */
function addCategories(
  {values, ones, dense, categories, columns}: Design,
  weights: Float64Array,
  count: number,
  matrix: Float64Array,
): void {
  const size = columns + 1
  const intercept = columns * size
  for (let i = 0, row = 0, first = 0; i < count; i++, row += dense, first += categories) {
    const weight = weights[i] ?? 0
    for (let c = 0; c < categories; c++) {
      const one = ones[first + c] ?? -1
      if (one < 0) continue
      const to = one * size
      for (let a = 0; a < dense; a++) matrix[to + a] = (matrix[to + a] ?? 0) + weight * (values[row + a] ?? 0)
      for (let d = 0; d <= c; d++) {
        const other = ones[first + d] ?? -1
        if (other >= 0) matrix[to + other] = (matrix[to + other] ?? 0) + weight
      }
      matrix[intercept + one] = (matrix[intercept + one] ?? 0) + weight
    }
  }
}
