import {expect, test} from 'vitest'
import {startLocalPipeline} from '../../support/local-pipeline.ts'

test('the first phase makes everything that needs no image, once; nothing is left afterwards', async () => {
  const {cloud, pipeline, signal, step} = await startLocalPipeline()
  const options = {image: undefined, signal, step}
  const planned = await cloud.infrastructure.plan(pipeline, options)
  expect(new Set(planned.map(({action}) => action))).toEqual(new Set(['create']))

  const made = await cloud.infrastructure.apply(pipeline, options)
  expect(made).toEqual(planned)
  expect(made.map(({kind}) => kind)).toEqual([
    'repository',
    'service account',
    'service account',
    'topic',
    'topic',
    'subscription',
    'grant',
    'grant',
    'bucket',
    'bucket',
    'grant',
    'grant',
  ])

  const again = await cloud.infrastructure.apply(pipeline, options)
  expect(again.filter(({action}) => action !== 'none')).toEqual([])

  const left = await cloud.infrastructure.leftovers(pipeline, {signal})
  expect(left.length).toBe(made.filter(({kind}) => kind !== 'grant').length)

  const removed = await cloud.infrastructure.destroy(pipeline, {signal, step})
  expect(removed.length).toBe(left.length)
  expect(await cloud.infrastructure.leftovers(pipeline, {signal})).toEqual([])
  expect(await cloud.infrastructure.destroy(pipeline, {signal, step})).toEqual([])
})
