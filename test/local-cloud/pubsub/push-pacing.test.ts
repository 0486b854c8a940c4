import {expect, test} from 'vitest'
import {PushPacing} from '../../../src/local-cloud/pubsub/push-pacing.ts'

test('one refusal in five deliveries means a delivery about every 500 ms', () => {
  const pacing = new PushPacing()
  const seen = []
  for (let round = 0; round < 50; round++) {
    for (let ack = 0; ack < 4; ack++) pacing.acknowledged()
    pacing.refused(0)
    for (let ack = 0; ack < 2; ack++) pacing.acknowledged()
    seen.push(pacing.backoffMs)
    for (let ack = 0; ack < 2; ack++) pacing.acknowledged()
    pacing.refused(0)
  }
  expect(seen.at(-1)).toBeGreaterThan(200)
  expect(seen.at(-1)).toBeLessThan(1000)
})

test('nothing but refusals means one every 30 to 60 seconds, and never longer', () => {
  const pacing = new PushPacing()
  for (let refusal = 0; refusal < 100; refusal++) pacing.refused(1000)
  expect(pacing.backoffMs).toBeGreaterThan(30_000)
  expect(pacing.backoffMs).toBeLessThanOrEqual(60_000)
  expect(pacing.window).toBe(3)
  for (let ack = 0; ack < 20; ack++) pacing.acknowledged()
  expect(pacing.backoffMs).toBe(0)
})

test('the window doubles with each full round of acknowledgements, up to 3,000, and then grows by one a round', () => {
  const pacing = new PushPacing()
  const windows = [pacing.window]
  for (let round = 0; round < 3; round++) {
    for (let ack = pacing.window; ack > 0; ack--) pacing.acknowledged()
    windows.push(pacing.window)
  }
  expect(windows).toEqual([3, 6, 12, 24])
  for (let ack = 0; ack < 6000; ack++) pacing.acknowledged()
  expect(pacing.window).toBeLessThanOrEqual(3002)
})
