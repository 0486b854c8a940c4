import {expect, it} from 'vitest'
import {Scratch} from '../../../worker/kernels/scratch.ts'
import {randomFrom} from '../../support/random.ts'

const {normal} = randomFrom(11)

it.each([1, 2, 3, 4, 5, 8, 33, 70])('the square of the triangle is the matrix of %s rows', (size) => {
  const factor = Array.from({length: size}, () => Array.from({length: size}, normal))
  const matrix = factor.map((a, i) =>
    factor.map((b, j) => a.reduce((sum, value, k) => sum + value * (b[k] ?? 0), 0) + Number(i === j)),
  )
  const scratch = new Scratch()
  const at = scratch.claim(size * size * 8)
  const triangle = scratch.doubles(at, size * size)
  triangle.set(matrix.flat())
  for (let i = 0; i < size; i++) {
    const square = scratch.kernels.factorRow(at, size, i)
    expect(square).toBeGreaterThan(0)
    triangle[i * size + i] = Math.sqrt(square)
  }
  const entry = (i: number, j: number): number => (j > i ? 0 : (triangle[i * size + j] ?? NaN))
  const product = matrix.map((row, i) =>
    row.map((_, j) => row.reduce((sum, __, k) => sum + entry(i, k) * entry(j, k), 0)),
  )
  const off = product.flat().map((value, i) => Math.abs(value - (matrix.flat()[i] ?? NaN)))
  expect(Math.max(...off)).toBeLessThan(1e-12 * size * size)
})
