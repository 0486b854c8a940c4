import * as fc from 'fast-check'
import {expect, it} from 'vitest'
import {
  MOST_PROBABILITY_BYTES,
  writeProbability,
} from '../../../../worker/logistic-regression/scoring/probability.ts'

const written = (probability: number): string => {
  const bytes = Buffer.alloc(MOST_PROBABILITY_BYTES + 1)
  return bytes.toString('latin1', 1, writeProbability(probability, bytes, 1))
}

it('writes probabilities as JavaScript writes numbers of six significant digits', () => {
  const probability = fc.oneof(
    fc.double({min: 0, max: 1, noNaN: true}),
    fc.double({min: -12, max: 0, noNaN: true}).map((exponent) => 10 ** exponent),
    fc.double({min: -12, max: 0, noNaN: true}).map((exponent) => 1 - 10 ** exponent),
    fc.integer({min: 0, max: 10_000}).map((share) => share / 10_000),
  )
  fc.assert(
    fc.property(probability, (p) => {
      expect(written(p)).toBe(String(Number(p.toPrecision(6))))
    }),
    {numRuns: 20_000},
  )
})
