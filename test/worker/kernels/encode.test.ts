import {describe, expect, it} from 'vitest'
import {Gatherer} from '../../../worker/logistic-regression/encoding/gatherer.ts'
import {Scratch} from '../../../worker/kernels/scratch.ts'
import {randomFrom} from '../../support/random.ts'

const {uniform, normal} = randomFrom(5)
const scratch = new Scratch()
const {kernels} = scratch

const NUMBERS = [
  NaN,
  0,
  -0,
  -5,
  5,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  ...Array.from({length: 300}, () => (uniform() < 0.1 ? NaN : 2 * normal())),
]

/** Claims a double more: the kernels read pairs. */
function doublesAt(values: ArrayLike<number>): number {
  const at = scratch.claim((values.length + 1) * 8)
  scratch.doubles(at, values.length).set(values)
  return at
}

function integersAt(values: readonly number[]): number {
  const at = scratch.claim(values.length * 4)
  scratch.integers(at, values.length).set(values)
  return at
}

/** The line through the knots on both sides, found by looking at all. */
function mapped(value: number, from: readonly number[], to: readonly number[]): number {
  if (Number.isNaN(value)) return NaN
  const above = from.findIndex((knot) => knot > value)
  if (above === 0) return to[0] ?? NaN
  if (above === -1) return to.at(-1) ?? NaN
  const [x0 = 0, x1 = 0] = from.slice(above - 1, above + 1)
  const [z0 = 0, z1 = 0] = to.slice(above - 1, above + 1)
  return z0 + (z1 - z0) * ((value - x0) / (x1 - x0))
}

it.each([2, 3, 4, 7, 200])('normal scores lie on the lines between %s knots', (knots) => {
  const from = Array.from({length: knots}, (_, i) => i - knots / 2 + uniform() / 2)
  const to = Array.from({length: knots}, (_, i) => 2 * i + uniform())
  const values = [...NUMBERS, ...from]
  const into = doublesAt(values)
  kernels.normalScores(doublesAt(values), values.length, doublesAt(from), doublesAt(to), knots, into)
  const found = scratch.doubles(into, values.length)
  const right = values.map((value) => mapped(value, from, to))
  expect(Array.from(found, Number.isNaN)).toEqual(right.map(Number.isNaN))
  expect(right.filter((score, i) => Math.abs(score - (found[i] ?? NaN)) > 1e-10)).toEqual([])
})

it('numbers are standardized by the formula, missing ones replaced and indicated', () => {
  const from = doublesAt(NUMBERS)
  const [standardized, indicated] = [doublesAt(NUMBERS), doublesAt(NUMBERS)]
  kernels.standardize(from, NUMBERS.length, 7, 0.5, 0.3, 1.7, standardized)
  kernels.indicate(from, NUMBERS.length, -0.1, 3, indicated)
  expect([...scratch.doubles(standardized, NUMBERS.length)]).toEqual(
    NUMBERS.map((value) => (Number.isNaN(value) ? 7 : (value * 0.5 - 0.3) / 1.7)),
  )
  expect([...scratch.doubles(indicated, NUMBERS.length)]).toEqual(
    NUMBERS.map((value) => (Number.isNaN(value) ? 3 : -0.1)),
  )
})

it('codes are looked up, -1 first', () => {
  const into = integersAt([0, 0, 0, 0, 0, 0])
  kernels.lookUp(integersAt([2, -1, 0]), 3, integersAt([9, 5, 6, -1]), into, 2)
  expect([...scratch.integers(into, 6)]).toEqual([-1, 0, 9, 0, 5, 0])
})

describe('rows are put where they belong', () => {
  const width = 8
  const rows = Array.from({length: 5}, () => Array.from({length: width}, normal))
  const places = [3, -1, 0, 1, 2]
  const expected = [rows[2], rows[3], rows[4], rows[0]].flat().map((value) => value ?? NaN)

  it('as doubles', () => {
    const to = doublesAt(new Float64Array(4 * width))
    kernels.scatterDoubles(doublesAt(rows.flat()), width, 5, integersAt(places), to)
    expect([...scratch.doubles(to, 4 * width)]).toEqual(expected)
  })

  it('as floats', () => {
    const to = doublesAt(new Float64Array(4 * width))
    kernels.scatterFloats(doublesAt(rows.flat()), width, 5, integersAt(places), to)
    expect([...scratch.floats(to, 4 * width)]).toEqual(expected.map(Math.fround))
  })

  it.each([0, 1, 3])('as %s integers', (count) => {
    const integers = rows.map((row) => row.slice(0, count).map((value) => Math.round(100 * value)))
    const to = scratch.claim(4 * count * 4)
    kernels.scatterIntegers(integersAt(integers.flat()), count, 5, integersAt(places), to)
    expect([...scratch.integers(to, 4 * count)]).toEqual(
      [integers[2], integers[3], integers[4], integers[0]].flat(),
    )
  })
})

it.each([
  ['all', (row: number) => row],
  ['most', (row: number) => row + Math.floor(row / 9)],
  ['few', (row: number) => 11 * row + 3],
])('numbers of %s rows are gathered without missing ones', (_, rowOf) => {
  const values = Float64Array.from({length: 200_000}, () => (uniform() < 0.1 ? NaN : normal()))
  const rows = Uint32Array.from({length: 18_000}, (__, i) => rowOf(i))
  const numbers = new Gatherer(rows, new Scratch()).numbersOf(values)
  expect(numbers.length).toBe(rows.length)
  const into = new Float64Array(8192)
  for (const [start, end] of [
    [0, 8192],
    [8192, 16_384],
    [16_384, 18_000],
    [5, 6],
  ] as const) {
    const count = numbers.read(start, end, into)
    const expected = Array.from(rows.slice(start, end), (row) => values[row] ?? NaN)
    expect([...into.subarray(0, count)]).toEqual(expected.filter((value) => !Number.isNaN(value)))
  }
})
