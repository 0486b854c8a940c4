import {expect, it} from 'vitest'
import {Pacer} from '../../../../worker/logistic-regression/pacer.ts'
import {rank} from '../../../../worker/logistic-regression/quality/curves.ts'
import {Sorter} from '../../../../worker/logistic-regression/sorter.ts'
import {randomFrom} from '../../../support/random.ts'

const ROWS = 200_000
const {uniform} = randomFrom(1)

it.each([
  ['evenly spread', uniform],
  ['nearly all close to 0', () => uniform() ** 40],
  ['of a few values', () => Math.floor(4 * uniform()) / 4],
  ['all equal', () => 0.5],
  ['equal but for one', (i: number) => (i === 7 ? 1 : 5e-324)],
])('ranks many probabilities: %s', async (_, probability) => {
  const rows = Uint32Array.from({length: ROWS}, (__, i) => i)
  const codes = Int32Array.from(rows, (row) => Number(row % 3 === 0))
  const probabilities = Float64Array.from({length: 2 * ROWS}, (__, i) => probability(i >> 1))
  const pacer = new Pacer(new AbortController().signal)
  const {own, others} = await rank(rows, codes, 1, 2, probabilities, new Sorter(), pacer)
  const of = (code: number): Float64Array =>
    probabilities.filter((__, i) => i % 2 === 1 && codes[i >> 1] === code).toSorted()
  const bytesOf = ({buffer, byteOffset, byteLength}: Float64Array): Buffer =>
    Buffer.from(buffer, byteOffset, byteLength)
  expect(bytesOf(own).equals(bytesOf(of(1)))).toBe(true)
  expect(bytesOf(others).equals(bytesOf(of(0)))).toBe(true)
})
