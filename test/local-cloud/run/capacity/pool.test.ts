import {getEventListeners} from 'node:events'
import {expect, it} from 'vitest'
import type {Exit, Instance} from '../../../../src/local-cloud/instances/instance.ts'
import {Pool} from '../../../../src/local-cloud/run/capacity/pool.ts'
import {ManualClock} from '../../../support/manual-clock.ts'

function runningInstance(): Instance {
  const {promise: exited} = Promise.withResolvers<Exit>()
  return {
    id: 'a1',
    pid: 1,
    port: 0,
    reach: {headers: {}, ports: new Map()},
    listening: Promise.resolve(),
    exited,
    stop: () => exited,
  }
}

function emptyPool({starts}: {starts: Promise<Instance>}): {pool: Pool; clock: ManualClock} {
  const clock = new ManualClock()
  const scale = {minInstances: 0, maxInstances: 1}
  return {
    pool: new Pool({concurrency: 1, scale, start: () => starts, clock, idleMs: 1000, graceMs: 0}),
    clock,
  }
}

it('listens for the abort of a request only while the request waits', async () => {
  const {signal} = new AbortController()
  const {promise: starts, resolve} = Promise.withResolvers<Instance>()
  const {pool} = emptyPool({starts})
  const slot = pool.acquire(signal)
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  resolve(runningInstance())
  await slot
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

it('stops listening when the wait for an instance times out', async () => {
  const {signal} = new AbortController()
  const {pool, clock} = emptyPool({starts: new Promise(() => undefined)})
  const slot = pool.acquire(signal)
  await Promise.all([expect(slot).rejects.toThrow('no available instance'), clock.advance(60_000)])
  expect(getEventListeners(signal, 'abort')).toEqual([])
})
