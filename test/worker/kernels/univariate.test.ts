import {expect, it} from 'vitest'
import {Scratch} from '../../../worker/kernels/scratch.ts'
import {Judge} from '../../../worker/logistic-regression/training/univariate.ts'
import {randomFrom} from '../../support/random.ts'

/** Per row the loss of a regression on one number that has learned from the rows of the other parts. */
function lossesOf(values: readonly number[], hits: readonly boolean[], parts: readonly number[]): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  const units = values.map((value) => (variance > 0 ? (value - mean) / Math.sqrt(variance) : 0))
  return units.map((own, row) => {
    const others = units.flatMap((x, i) => (parts[i] === parts[row] ? [] : [{x, y: Number(hits[i])}]))
    let [intercept, weight] = [0, 0]
    for (let step = 0; step < 30; step++) {
      let [g0, g1, h00, h01, h11] = [0, weight, 0, 0, 1]
      for (const {x, y} of others) {
        const p = 1 / (1 + Math.exp(-intercept - weight * x))
        g0 += p - y
        g1 += (p - y) * x
        h00 += p * (1 - p)
        h01 += p * (1 - p) * x
        h11 += p * (1 - p) * x * x
      }
      const determinant = h00 * h11 - h01 * h01
      intercept -= (h11 * g0 - h01 * g1) / determinant
      weight -= (h00 * g1 - h01 * g0) / determinant
    }
    const score = intercept + weight * own
    return Math.log1p(Math.exp(hits[row] === true ? -score : score))
  })
}

it.each([
  [2, 151],
  [2, 60],
  [3, 90],
])('a column of %d classes and %d rows is judged as by the formula', (classes, count) => {
  const {uniform, normal} = randomFrom(count)
  const values = Float64Array.from({length: count}, () => (uniform() < 0.1 ? NaN : Math.exp(normal())))
  const codes = Int32Array.from(values, (value) =>
    Math.floor(classes * Math.min(0.999, uniform() * (value > 1 ? 1.2 : 0.8))),
  )
  // In any order, some of the rows.
  const rows = Uint32Array.from({length: count - 5}, (_, i) => (i * 7) % count)
  const judge = new Judge(values, rows, codes, classes, new Scratch())
  const {sum, squares, count: judged} = judge.difference(judge.ofNothing(), judge.ofNumber(1))
  const present = [...rows].filter((row) => !Number.isNaN(values[row]))
  const numbers = present.map((row) => values[row] ?? 0)
  // So few rows are five parts, to which the rows of each class go in turn.
  const dealt = new Map<number, number>()
  const parts = present.map((row) => {
    const code = codes[row] ?? 0
    dealt.set(code, (dealt.get(code) ?? 0) + 1)
    return (dealt.get(code) ?? 0) % 5
  })
  const all = (some: readonly number[]): number[] => {
    const own = classes === 2 ? [1] : Array.from({length: classes}, (_, k) => k)
    const each = own.map((k) =>
      lossesOf(
        some,
        present.map((row) => codes[row] === k),
        parts,
      ),
    )
    return present.map((_, i) => each.reduce((total, losses) => total + (losses[i] ?? 0), 0))
  }
  const [nothing, number] = [all(numbers.map(() => 0)), all(numbers)]
  const gains = nothing.map((loss, i) => loss - (number[i] ?? 0))
  expect(judged).toBe(present.length)
  expect(sum).toBeCloseTo(
    gains.reduce((total, gain) => total + gain, 0),
    3,
  )
  expect(squares).toBeCloseTo(
    gains.reduce((total, gain) => total + gain * gain, 0),
    3,
  )
})
