import type {Pacer} from './pacer.ts'

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
   * Factors `matrix` (row-major, symmetric). Where rounding has made it indefinite, its diagonal is raised by the
   * least power of ten, relative to each entry, that mends it.
   */
  static async factor(matrix: Float64Array, size: number, pacer: Pacer): Promise<Cholesky> {
    for (let raise = 0; ; raise = raise === 0 ? 1e-14 : raise * 10) {
      const lower = await factorRaised(matrix, size, raise, pacer)
      if (lower !== undefined) return new Cholesky(size, lower)
      if (raise > 1) throw new Error('The Hessian has entries that are no numbers')
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
    for (let j = 0; j <= i; j++) {
      let sum = matrix[row + j] ?? 0
      if (i === j) sum += raise * Math.max(Math.abs(sum), Number.MIN_VALUE)
      for (let k = 0, a = row, b = j * size; k < j; k++, a++, b++) sum -= (lower[a] ?? 0) * (lower[b] ?? 0)
      if (i !== j) {
        lower[row + j] = sum / (lower[j * size + j] ?? 1)
      } else if (sum > 0) {
        lower[row + j] = Math.sqrt(sum)
      } else {
        return undefined
      }
    }
    if (pacer.due) await pacer.pause()
  }
  return lower
}
