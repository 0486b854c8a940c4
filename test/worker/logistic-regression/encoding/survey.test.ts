import {Scratch} from '../../../../worker/kernels/scratch.ts'
import {expect, it} from 'vitest'
import {type Numbers, Surveyor} from '../../../../worker/logistic-regression/encoding/survey.ts'
import {randomFrom} from '../../../support/random.ts'

const {uniform, normal} = randomFrom(7)
const many = (count: number, value: (i: number) => number): Float64Array =>
  Float64Array.from({length: count}, (_, i) => value(i))

function numbersOf(values: Float64Array): Numbers {
  return {
    length: values.length,
    at: (place) => values[place] ?? NaN,
    read(start, end, into) {
      const present = values.subarray(start, end).filter((value) => !Number.isNaN(value))
      into.set(present)
      return present.length
    },
  }
}

/** By the plain formulas, with every number divided first so that no square exceeds a double. */
function expected(values: Float64Array, copies: number) {
  const ranked = values.filter((value) => !Number.isNaN(value)).toSorted()
  const middle = ranked.length >> 1
  const upper = ranked[middle] ?? 0
  const median =
    ranked.length === 0 ? 0 : ranked.length % 2 === 1 ? upper : (ranked[middle - 1] ?? 0) / 2 + upper / 2
  const unit = Math.max(Math.abs(ranked[0] ?? 0), Math.abs(ranked.at(-1) ?? 0)) || 1
  const all = [...ranked, ...many(copies, () => median)].map((value) => value / unit)
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length
  const scale = Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length)
  return {present: ranked.length, median, mean: mean * unit, scale: scale * unit}
}

it.each<[string, Float64Array]>([
  ['one number', many(1, () => 3)],
  ['two numbers', many(2, (i) => i)],
  ['fewer than a sample', many(1999, normal)],
  ['an odd number of many', many(50_001, normal)],
  ['an even number of many, half of them missing', many(40_000, (i) => (i % 2 ? NaN : normal()))],
  ['numbers in rising order', many(30_000, (i) => i)],
  ['numbers far from 0', many(30_000, () => 1e9 + uniform())],
  ['mostly zeros', many(30_000, () => (uniform() < 0.9 ? 0 : normal()))],
  ['two values', many(30_000, (i) => i % 2)],
  ['the furthest doubles', many(30_000, (i) => (i % 2 ? 1 : -1) * Number.MAX_VALUE * uniform())],
  ['the smallest ones', many(30_000, () => uniform() * 1e-300)],
  // A sample of every fifteenth number sees none of the others.
  ['a sample that misleads about the middle', many(30_000, (i) => (i % 15 === 0 ? -5 : 5 + normal()))],
  ['a sample that misleads about the magnitude', many(30_000, (i) => (i === 7 ? 1e200 : normal()))],
])('median, mean and deviation are those of the formulas: %s', (_, values) => {
  const copies = values.length % 3
  const found = new Surveyor(new Scratch()).survey(numbersOf(values))
  const right = expected(values, copies)
  expect(found.present).toBe(right.present)
  expect(found.median).toBe(right.median)
  const {mean, scale} = found.spreadWith(copies, found.median)
  expect(Math.abs(mean - right.mean)).toBeLessThanOrEqual(1e-12 * right.scale + 1e-14 * Math.abs(right.mean))
  // A constant has the scale 1.
  expect(scale / (right.scale || 1)).toBeCloseTo(1, 9)
})

it('nothing but missing numbers has the median 0, and is a constant', () => {
  const {present, median, spreadWith} = new Surveyor(new Scratch()).survey(numbersOf(many(5, () => NaN)))
  expect([present, median, spreadWith(5, 0)]).toEqual([0, 0, {mean: 0, scale: 1}])
})

it('the survey of a column says nothing about the one before', () => {
  const surveyor = new Surveyor(new Scratch())
  surveyor.survey(numbersOf(many(20_000, () => 100 + normal())))
  const values = many(20_000, normal)
  expect(surveyor.survey(numbersOf(values)).spreadWith(0, 0)).toEqual(
    new Surveyor(new Scratch()).survey(numbersOf(values)).spreadWith(0, 0),
  )
})
