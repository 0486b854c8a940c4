import * as fc from 'fast-check'
import {expect, it} from 'vitest'
import {Pacer} from '../../../worker/logistic-regression/pacer.ts'
import {Sorter} from '../../../worker/logistic-regression/sorter.ts'
import {randomFrom} from '../../support/random.ts'

const {uniform, normal} = randomFrom(8)
const pacer = new Pacer(new AbortController().signal)
const sorter = new Sorter()

/** The first place where the order is not that of the language, which puts -0 before 0; -1 if there is none. */
async function faultOfOrder(numbers: Float64Array): Promise<number> {
  const right = numbers.toSorted()
  await sorter.sort(numbers, pacer)
  return numbers.findIndex((value, i) => !Object.is(value, right[i]))
}

it.each<[string, (i: number) => number]>([
  ['of both signs', normal],
  ['probabilities', uniform],
  ['far apart', () => normal() * 10 ** Math.round(300 * normal())],
  ['equal', () => 3],
  ['equal but one', (i) => (i === 700 ? -1 : 3)],
  ['zeros of both signs', (i) => (i % 2 ? 0 : -0)],
  ['infinite at the ends', (i) => (i === 1 ? Infinity : i === 2 ? -Infinity : normal())],
  ['in order', (i) => i],
  ['in falling order', (i) => -i],
])('numbers get into order: %s', async (_, number) => {
  for (const length of [0, 1, 511, 512, 5000])
    expect(await faultOfOrder(Float64Array.from({length}, (__, i) => number(i)))).toBe(-1)
})

it('any numbers get into order', async () => {
  const numbers = fc.float64Array({noNaN: true, minLength: 512, maxLength: 600})
  await fc.assert(
    fc.asyncProperty(numbers, async (some) => {
      expect(await faultOfOrder(some)).toBe(-1)
    }),
    {numRuns: 50},
  )
})
