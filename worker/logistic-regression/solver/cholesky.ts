import type {Pacer} from '../pacer.ts'

/** A symmetric positive definite matrix as the product of a triangle with its transpose. */
export class Cholesky {
  readonly size: number
  /** Row-major; the lower triangle counts. */
  readonly #lower: Float64Array

  private constructor(size: number, lower: Float64Array) {
    this.size = size
    this.#lower = lower
  }

  /**
   * Factors `matrix` (row-major, symmetric). If rounding made it indefinite, its diagonal is raised by the smallest
   * power of ten, relative to each entry, that fixes it.
   */
  static async factor(matrix: Float64Array, size: number, pacer: Pacer): Promise<Cholesky> {
    for (let raise = 0; ; raise = raise === 0 ? 1e-14 : raise * 10) {
      const lower = await factorRaised(matrix, size, raise, pacer)
      if (lower !== undefined) return new Cholesky(size, lower)
      if (raise > 1) throw new Error('The Hessian has entries that are not numbers')
    }
  }

  /** The solution x of A x = b. */
  solve(b: Float64Array): Float64Array {
    const {size} = this
    const lower = this.#lower
    const x = this.#forward(b)
    for (let i = size - 1; i >= 0; i--) {
      const solved = (x[i] ?? 0) / (lower[i * size + i] ?? 1)
      x[i] = solved
      for (let j = 0; j < i; j++) x[j] = (x[j] ?? 0) - (lower[i * size + j] ?? 0) * solved
    }
    return x
  }

  /** v^T A^-1 v: the variance of the combination v of parameters whose precision is A. */
  variance(v: Float64Array): number {
    return this.#forward(v).reduce((sum, value) => sum + value * value, 0)
  }

  #forward(b: Float64Array): Float64Array {
    const {size} = this
    const lower = this.#lower
    const x = Float64Array.from(b)
    for (let i = 0; i < size; i++) {
      let sum = x[i] ?? 0
      for (let j = 0, at = i * size; j < i; j++, at++) sum -= (lower[at] ?? 0) * (x[j] ?? 0)
      x[i] = sum / (lower[i * size + i] ?? 1)
    }
    return x
  }
}

async function factorRaised(
  matrix: Float64Array,
  size: number,
  raise: number,
  pacer: Pacer,
): Promise<Float64Array | undefined> {
  const lower = new Float64Array(size * size)
  for (let i = 0; i < size; i++) {
    const row = i * size
    let j = 0
    for (; j + 4 <= i; j += 4) solveFour(matrix, lower, size, row, j)
    for (; j < i; j++) lower[row + j] = remainder(matrix, lower, size, row, j, 0) / (lower[j * size + j] ?? 1)
    const entry = matrix[row + i] ?? 0
    const pivot =
      remainder(matrix, lower, size, row, i, 0) + raise * Math.max(Math.abs(entry), Number.MIN_VALUE)
    if (!(pivot > 0)) return undefined
    lower[row + i] = Math.sqrt(pivot)
    if (pacer.due) await pacer.pause()
  }
  return lower
}

/** Entry `j` of a row, less the product of its row and row `j` of the triangle from column `from` to before `j`. */
function remainder(
  matrix: Float64Array,
  lower: Float64Array,
  size: number,
  row: number,
  j: number,
  from: number,
): number {
  let sum = from === 0 ? (matrix[row + j] ?? 0) : (lower[row + j] ?? 0)
  for (let a = row + from, b = j * size + from; a < row + j; a++, b++)
    sum -= (lower[a] ?? 0) * (lower[b] ?? 0)
  return sum
}

/** Four entries of a row from `j` on: each number of the row that is loaded serves all of them. */
function solveFour(matrix: Float64Array, lower: Float64Array, size: number, row: number, j: number): void {
  const row0 = j * size
  const row1 = row0 + size
  const row2 = row1 + size
  const row3 = row2 + size
  let s0 = matrix[row + j] ?? 0
  let s1 = matrix[row + j + 1] ?? 0
  let s2 = matrix[row + j + 2] ?? 0
  let s3 = matrix[row + j + 3] ?? 0
  for (let k = 0; k < j; k++) {
    const value = lower[row + k] ?? 0
    s0 -= value * (lower[row0 + k] ?? 0)
    s1 -= value * (lower[row1 + k] ?? 0)
    s2 -= value * (lower[row2 + k] ?? 0)
    s3 -= value * (lower[row3 + k] ?? 0)
  }
  lower[row + j] = s0 / (lower[row0 + j] ?? 1)
  lower[row + j + 1] = s1
  lower[row + j + 2] = s2
  lower[row + j + 3] = s3
  for (let next = j + 1; next < j + 4; next++)
    lower[row + next] = remainder(matrix, lower, size, row, next, j) / (lower[next * size + next] ?? 1)
}
