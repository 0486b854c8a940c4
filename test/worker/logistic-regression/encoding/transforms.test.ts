import {Scratch} from '../../../../worker/kernels/scratch.ts'
import * as fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {Mapper} from '../../../../worker/logistic-regression/encoding/mapper.ts'
import {fitNormalScores, type Transform} from '../../../../worker/logistic-regression/encoding/transforms.ts'
import {randomFrom} from '../../../support/random.ts'

const mapper = new Mapper(new Scratch())
const applierOf =
  (transform: Transform) =>
  (value: number): number =>
    mapper.map(transform, Float64Array.of(value))[0] ?? NaN

/** Of the last distinct two below 0 the greater one was mapped a rounding below the other. */
const NEIGHBORS = [
  ...Array<number>(8).fill(-2.467237241243647e-305),
  -4.412899121086801e-307,
  ...Array<number>(5).fill(-4.4128991210868e-307),
  -4.412899121086799e-307,
  ...Array<number>(13).fill(0),
]

describe('the map to normal scores', () => {
  it('maps any continuous distribution to a normal one', () => {
    const {normal} = randomFrom(3)
    const ranked = Float64Array.from({length: 5000}, () => Math.exp(3 * normal()) - 5).toSorted()
    const apply = applierOf(fitNormalScores(ranked))
    const scores = ranked.map((value) => apply(value))
    const moment = (power: number): number => scores.reduce((sum, z) => sum + z ** power, 0) / scores.length
    expect(moment(1)).toBeCloseTo(0, 1)
    expect(moment(2)).toBeCloseTo(1, 1)
    expect(moment(4)).toBeCloseTo(3, 0)
    expect(apply(-5)).toBe(scores[0])
    expect(apply(1e300)).toBe(scores.at(-1))
    expect(apply(NaN)).toBeNaN()
  })

  it('never changes the order, and is finite whatever the numbers', () => {
    const numbers = fc.array(fc.double({noNaN: true, noDefaultInfinity: true}), {
      minLength: 20,
      maxLength: 300,
    })
    fc.assert(
      fc.property(numbers, (values) => {
        const ranked = Float64Array.from(values).toSorted()
        const apply = applierOf(fitNormalScores(ranked))
        const scores = [-Number.MAX_VALUE, ...ranked, Number.MAX_VALUE].map(apply)
        expect(scores.filter((score) => !(Math.abs(score) < 7))).toEqual([])
        scores.slice(1).forEach((score, i) => expect(score).toBeGreaterThanOrEqual(scores[i] ?? NaN))
      }),
      {examples: [[NEIGHBORS]]},
    )
  })

  it('puts a value that many rows share where their normal scores lie on average', () => {
    const ranked = Float64Array.from({length: 1000}, (_, i) => (i < 700 ? 0 : i))
    const apply = applierOf(fitNormalScores(ranked))
    // The mean of a normal variable below its 70th percentile: -density / 0.7.
    expect(apply(0)).toBeCloseTo(-0.497, 1)
    expect(apply(900)).toBeCloseTo(1.285, 1)
  })
})
