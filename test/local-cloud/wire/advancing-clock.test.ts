import {expect, test} from 'vitest'
import {createAdvancingClock} from '../../../src/local-cloud/wire/advancing-clock.ts'
import {ManualClock} from '../../support/manual-clock.ts'

test('moved ahead, timers that are due fire in order, and the others come closer', async () => {
  const base = new ManualClock()
  const clock = createAdvancingClock(base)
  const fired: string[] = []
  clock.after(2000, () => fired.push(`last at ${clock.monotonic()}`))
  clock.after(1000, () => fired.push('second'))
  clock.after(500, () => {
    fired.push('first')
    cleared.clear()
    clock.after(100, () => fired.push(`new at ${clock.monotonic()}`))
  })
  const cleared = clock.after(600, () => fired.push('cleared'))
  clock.advance(1500)
  expect(fired).toEqual(['first', 'second'])
  await base.advance(499)
  expect(fired).toEqual(['first', 'second', 'new at 1600'])
  await base.advance(1)
  expect(fired).toEqual(['first', 'second', 'new at 1600', 'last at 2000'])
  await base.advance(10_000)
  expect(fired).toHaveLength(4)
})

test('a timer that came closer can still be cleared', async () => {
  const base = new ManualClock()
  const clock = createAdvancingClock(base)
  const fired: number[] = []
  const timer = clock.after(2000, () => fired.push(clock.monotonic()))
  clock.advance(1500)
  timer.clear()
  await base.advance(10_000)
  expect(fired).toEqual([])
})
