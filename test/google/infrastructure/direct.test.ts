import {expect, test} from 'vitest'
import {setup} from '../../../src/core/setup/setup.ts'
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

test('a service that the Terraform module created without the digest of its image is as wanted', async () => {
  const context = await startLocalPipeline()
  const {cloud, endpoint, pipeline, signal} = context
  const {image} = await setup({workerFolder: undefined}, context)
  const {project, region} = pipeline.settings
  const address = `${endpoint}/v2/projects/${project}/locations/${region}/services/${pipeline.names.service}`
  const service: unknown = await (await fetch(address)).json()
  const body = JSON.stringify(service).replace(/,\{"name":"IMAGE_DIGEST","value":"[^"]*"\}/, '')
  expect(body).not.toContain('IMAGE_DIGEST')
  expect((await fetch(address, {method: 'PATCH', body})).status).toBe(200)
  const planned = await cloud.inspection.plan(pipeline, {image, signal})
  expect(planned.filter(({kind}) => kind === 'service')).toMatchObject([{action: 'none'}])
})
