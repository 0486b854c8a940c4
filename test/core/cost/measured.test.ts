import {expect, test} from 'vitest'
import {instanceSeconds} from '../../../src/core/cost/measured.ts'

const request = (second: number, latencyMs: number, instance = 'a') => ({
  time: new Date(second * 1000).toISOString(),
  latencyMs,
  instance,
})

test('each request is rounded up to 100 ms', () => {
  expect(instanceSeconds([request(0, 1), request(10, 101)], 0)).toBeCloseTo(0.3, 9)
})

test('requests that overlap in an instance are billed once, in two instances twice', () => {
  expect(instanceSeconds([request(1, 3000), request(0, 3000)], 0)).toBeCloseTo(4, 9)
  expect(instanceSeconds([request(1, 3000), request(0, 3000, 'b')], 0)).toBeCloseTo(6, 9)
})

test('with CPU always allocated, an instance is billed until it was idle for so long', () => {
  expect(instanceSeconds([request(0, 1000), request(500, 1000)], 900)).toBeCloseTo(1401, 9)
  expect(instanceSeconds([request(0, 1000), request(5000, 1000)], 900)).toBeCloseTo(1802, 9)
})
