import {expect, it} from 'vitest'
import {Scratch} from '../../../worker/kernels/scratch.ts'
import {Pacer} from '../../../worker/logistic-regression/pacer.ts'
import {RankedScores} from '../../../worker/logistic-regression/quality/curves.ts'
import {uniformAt} from '../../../worker/logistic-regression/random.ts'
import {randomFrom} from '../../support/random.ts'

const {uniform, normal} = randomFrom(3)
const pacer = new Pacer(new AbortController().signal)

const many = (count: number, value: () => number): Float64Array => Float64Array.from({length: count}, value)
/** Of few different values, so that many are equal. */
const coarse = (): number => Math.floor(uniform() * 50) / 50

it.each([
  ['different', uniform],
  ['often equal', coarse],
  ['all equal', () => 0.25],
])('a ranking of scores that are %s shows what counting shows', async (_, score) => {
  const [own, others] = [many(301, () => Math.sqrt(score())).toSorted(), many(1000, score).toSorted()]
  const ranked = new RankedScores({own, others}, new Scratch())
  const wins = [...own].map(
    (one) =>
      others.reduce((sum, other) => sum + Number(other < one) + Number(other === one) / 2, 0) / others.length,
  )
  const mean = wins.reduce((sum, win) => sum + win, 0) / wins.length
  const spread = wins.reduce((sum, win) => sum + (win - mean) ** 2, 0) / wins.length / (wins.length - 1)
  expect(ranked.placements('own').mean).toBeCloseTo(mean, 12)
  expect(ranked.placements('own').variance).toBeCloseTo(spread, 12)
  expect(ranked.placements('others').mean).toBeCloseTo(1 - mean, 12)

  const {roc, precisionRecall, calibration, histogram} = await ranked.traceCurves('yes', 1, pacer)
  const shares = [...new Set([...own, ...others])].map((threshold) => {
    const hits = own.filter((value) => value >= threshold).length
    const misses = others.filter((value) => value >= threshold).length
    return [misses / others.length, hits / own.length, hits / (hits + misses)]
  })
  const isOneOf = (a: number, b: number, first: number, second: number): boolean =>
    shares.some(
      (all) => Math.abs((all[first] ?? NaN) - a) < 1e-5 && Math.abs((all[second] ?? NaN) - b) < 1e-5,
    )
  expect(roc[0]).toEqual([0, 0])
  expect(roc.at(-1)).toEqual([1, 1])
  expect(roc.slice(1).every(([fallOut, recall]) => isOneOf(fallOut, recall, 0, 1))).toBe(true)
  expect(precisionRecall.every(([recall, precision]) => isOneOf(recall, precision, 1, 2))).toBe(true)
  expect(roc.length).toBeLessThan(204)
  expect(calibration.reduce((sum, {rows}) => sum + rows, 0)).toBe(1301)
  const predicted = calibration.reduce((sum, part) => sum + part.rows * part.predicted, 0)
  expect(predicted).toBeCloseTo(
    [...own, ...others].reduce((sum, value) => sum + value, 0),
    1,
  )
  const observed = calibration.reduce((sum, part) => sum + part.rows * part.observed, 0)
  expect(observed).toBeCloseTo(301, 1)
  expect(histogram.own).toEqual(
    Array.from(
      {length: 20},
      (__, step) => own.filter((value) => Math.min(19, Math.floor(20 * value)) === step).length,
    ),
  )
})

it('any rank is selected', () => {
  const scratch = new Scratch()
  for (const [count, value] of [
    [1, normal],
    [2, normal],
    [1000, normal],
    [999, coarse],
  ] as const) {
    const numbers = many(count, value)
    const at = scratch.claim(count * 8)
    for (const rank of [0, count >> 1, count - 1]) {
      scratch.doubles(at, count).set(numbers)
      expect(scratch.kernels.select(at, count, rank)).toBe(numbers.toSorted()[rank])
      const before = scratch.doubles(at, rank)
      expect(scratch.kernels.greatest(at, rank, 0)).toBe(Math.max(...before))
      expect(scratch.kernels.greatest(at, rank, 1)).toBe(Math.max(...before.map(Math.abs)))
    }
  }
})

it('integers are shuffled by the generator', () => {
  const scratch = new Scratch()
  const count = 1000
  const at = scratch.claim(count * 4)
  const items = Int32Array.from({length: count}, (_, i) => i)
  scratch.integers(at, count).set(items)
  scratch.kernels.shuffle(at, count, 20240229, 5)
  for (let i = count - 1, drawn = 5; i > 0; i--, drawn++) {
    const j = Math.floor(uniformAt(20240229, drawn) * (i + 1))
    const swapped = items[i] ?? 0
    items[i] = items[j] ?? 0
    items[j] = swapped
  }
  expect([...scratch.integers(at, count)]).toEqual([...items])
})
