import {expect, test} from 'vitest'
import {isJsonObject} from '../../../src/core/json.ts'
import {pipelineOf} from '../../../src/core/settings/pipeline.ts'
import {setup} from '../../../src/core/setup/setup.ts'
import {createRest, type Json, type RestService} from '../../../src/google/rest.ts'
import {addFault} from '../../support/fault-plan.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {capitals, workerFolder} from '../../support/worker-folder.ts'

test('a label that the settings no longer have goes from every resource; labels of others stay', async () => {
  const context = await startLocalPipeline({
    labels: 'team=risk\ncost-center=12',
    alerts: 'webhook=https://alerts.invalid/',
  })
  const {cloud, endpoint, pipeline, signal} = context
  const {settings, names} = pipeline
  const {project, region} = settings
  const request = {workerFolder: await workerFolder('processor.js', capitals(''))}
  const {image} = await setup(request, context)

  const rest = createRest({projectId: project, region, endpoint})
  const run = `/v2/projects/${project}/locations/${region}`
  const pubsub = `/v1/projects/${project}`
  const resources: [RestService, string][] = [
    ['storage', `/storage/v1/b/${names.inputBucket}`],
    ['pubsub', `${pubsub}/topics/${names.topic}`],
    ['pubsub', `${pubsub}/subscriptions/${names.subscription}`],
    ['artifactregistry', `/v1/projects/${project}/locations/${region}/repositories/${names.repository}`],
    ['run', `${run}/services/${names.service}`],
    ['run', `${run}/jobs/${names.job}`],
  ]
  const labels = () =>
    Promise.all(resources.map(async ([service, path]) => (await rest.get(service, path))?.['labels']))

  // As another tool would add it.
  const foreign = (found: Json | undefined) => ({
    ...(isJsonObject(found?.['labels']) ? found['labels'] : {}),
    foreign: 'yes',
  })
  for (const [service, path] of resources) {
    const found = await rest.get(service, path)
    const changed = {labels: foreign(found)}
    if (service === 'pubsub') {
      const kind = path.includes('/topics/') ? 'topic' : 'subscription'
      await rest.request(service, 'PATCH', path, {
        [kind]: {name: found?.['name'], ...changed},
        updateMask: 'labels',
      })
    } else await rest.request(service, 'PATCH', path, service === 'run' ? {...found, ...changed} : changed)
  }
  const before = {'cloud-runner': settings.name, team: 'risk', 'cost-center': '12', foreign: 'yes'}
  expect(await labels()).toEqual(resources.map(() => before))

  const changed = {...context, pipeline: pipelineOf({...settings, labels: {'cost-center': '13'}})}
  const kinds = async () =>
    (await cloud.infrastructure.plan(changed.pipeline, {image, signal})).flatMap(({kind, action}) =>
      action === 'none' ? [] : [kind],
    )
  expect(new Set(await kinds())).toEqual(
    new Set([
      'repository',
      'topic',
      'subscription',
      'bucket',
      'notification channel',
      'alert policy',
      'service',
      'job',
    ]),
  )
  // Interrupted between the service and the job.
  await addFault(endpoint, {on: {method: 'PATCH', path: `${run}/jobs/${names.job}`}, answer: 400, times: 1})
  await expect(setup(request, changed)).rejects.toMatchObject({code: 'invalid-request'})
  await setup(request, changed)
  const after = {'cloud-runner': settings.name, 'cost-center': '13', foreign: 'yes'}
  expect(await labels()).toEqual(resources.map(() => after))
  expect(await kinds()).toEqual([])
  const [, , , , service] = resources
  expect(service && (await rest.get(...service))).toMatchObject({
    template: {labels: {'cloud-runner': settings.name, 'cost-center': '13'}},
    annotations: {'cloud-runner-labels': 'cost-center'},
  })
})
