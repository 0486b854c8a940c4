import {expect, it} from 'vitest'
import {createPace} from '../../../worker/runtime/pace.ts'

const MEBIBYTE = 1024 * 1024

function start() {
  const clock = {now: 0}
  return {clock, pace: createPace(() => clock.now)}
}

it('knows nothing at first, and learns nothing from small files', () => {
  const {pace} = start()
  pace.learn(MEBIBYTE - 1, 5000)
  expect(pace.predictMs(100 * MEBIBYTE)).toBeUndefined()
})

it('takes the slowest of the last eight, and half as much again', () => {
  const {pace} = start()
  pace.learn(MEBIBYTE, 1000)
  for (let file = 0; file < 7; file++) pace.learn(10 * MEBIBYTE, 1000)
  expect(pace.predictMs(4 * MEBIBYTE)).toBeCloseTo(6000)
  pace.learn(10 * MEBIBYTE, 1000)
  expect(pace.predictMs(4 * MEBIBYTE)).toBeCloseTo(600)
})

it('forgets after an hour: a file that only hung is no reason for ever', () => {
  const {clock, pace} = start()
  pace.learn(MEBIBYTE, 500_000)
  clock.now = 3_600_000
  expect(pace.predictMs(MEBIBYTE)).toBeCloseTo(750_000)
  clock.now += 1
  expect(pace.predictMs(MEBIBYTE)).toBeUndefined()
})
