import {ScratchPool} from '../../kernels/scratch.ts'
import type {Pacer} from '../pacer.ts'
import {handOn, reserveMatrix} from '../kept-memory.ts'

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

  /** Frees its memory, when nothing uses it any more. */
  handOn(): void {
    handOn(this.#lower)
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

const memory = new ScratchPool()

async function factorRaised(
  matrix: Float64Array,
  size: number,
  raise: number,
  pacer: Pacer,
): Promise<Float64Array | undefined> {
  const scratch = memory.take()
  const at = scratch.claim(size * size * 8)
  const lower = scratch.doubles(at, size * size)
  lower.set(matrix)
  try {
    for (let i = 0; i < size; i++) {
      const raised = raise * Math.max(Math.abs(matrix[i * size + i] ?? 0), Number.MIN_VALUE)
      const pivot = scratch.kernels.factorRow(at, size, i) + raised
      if (!(pivot > 0)) return undefined
      lower[i * size + i] = Math.sqrt(pivot)
      if (pacer.due) await pacer.pause()
    }
    const factor = reserveMatrix(size * size)
    factor.set(lower)
    return factor
  } finally {
    memory.give(scratch)
  }
}
