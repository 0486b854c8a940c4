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

it('predicts from the slowest of the last eight, plus half', () => {
  const {pace} = start()
  pace.learn(MEBIBYTE, 1000)
  for (let file = 0; file < 7; file++) pace.learn(10 * MEBIBYTE, 1000)
  expect(pace.predictMs(4 * MEBIBYTE)).toBeCloseTo(6000)
  pace.learn(10 * MEBIBYTE, 1000)
  expect(pace.predictMs(4 * MEBIBYTE)).toBeCloseTo(600)
})

it('expects files as large as an abandoned one to take as long, and nothing of smaller ones', () => {
  const {pace} = start()
  pace.learn(MEBIBYTE, 100)
  pace.learnAbandoned(2 * MEBIBYTE, 500_000)
  expect(pace.predictMs(4 * MEBIBYTE)).toBeCloseTo(1_500_000)
  expect(pace.predictMs(2 * MEBIBYTE)).toBeCloseTo(750_000)
  expect(pace.predictMs(2 * MEBIBYTE - 1)).toBeCloseTo(300)
})

it('ignores an abandoned file once one of its size has finished: it only hung', () => {
  const {pace} = start()
  pace.learnAbandoned(MEBIBYTE, 500_000)
  pace.learn(MEBIBYTE, 100)
  expect(pace.predictMs(100 * MEBIBYTE)).toBeCloseTo(15_000)
})

it('forgets after an hour: a file that only hung does not count forever', () => {
  const {clock, pace} = start()
  pace.learnAbandoned(MEBIBYTE, 500_000)
  clock.now = 3_600_000
  expect(pace.predictMs(MEBIBYTE)).toBeCloseTo(750_000)
  clock.now += 1
  expect(pace.predictMs(MEBIBYTE)).toBeUndefined()
})
