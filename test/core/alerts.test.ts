import {once} from 'node:events'
import {createServer} from 'node:http'
import {json} from 'node:stream/consumers'
import {expect, onTestFinished, test} from 'vitest'
import {notificationOf} from '../../src/core/files/notification.ts'
import {waitForResults} from '../../src/core/files/wait.ts'
import {pipelineOf} from '../../src/core/settings/pipeline.ts'
import {planRedrive, redrive} from '../../src/core/redrive.ts'
import {setup} from '../../src/core/setup/setup.ts'
import {alertResources} from '../../src/google/infrastructure/alerts.ts'
import {createRest} from '../../src/google/rest.ts'
import {startLocalPipeline} from '../support/local-pipeline.ts'
import {putUnnoticed} from '../support/unnoticed-uploads.ts'
import {capitals, workerFolder} from '../support/worker-folder.ts'

test('a dead letter reaches the webhook, its redrive too; a plan then finds nothing, and nothing is left', async () => {
  const received: Record<string, unknown>[] = []
  const arrivals = new EventTarget()
  const webhook = createServer((request, response) => {
    const take = async () => {
      received.push(Object(await json(request)).incident)
      response.end()
      arrivals.dispatchEvent(new Event('call'))
    }
    void take()
  }).listen(0, '127.0.0.1')
  await once(webhook, 'listening')
  onTestFinished(() => void webhook.close())
  const calls = async (count: number) => {
    while (received.length < count) await once(arrivals, 'call')
    return received
  }
  const address = webhook.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const context = await startLocalPipeline({
    alerts: `email=ops@example.com\nwebhook=http://127.0.0.1:${port}/alerts`,
    noResultMinutes: 60,
  })
  const {cloud, endpoint, pipeline, signal, step} = context
  const [object] = await putUnnoticed(context, ['a.txt'])
  const {image} = await setup({workerFolder: await workerFolder('processor.js', capitals(''))}, context)
  const changes = async (of = pipeline) =>
    (await cloud.infrastructure.plan(of, {image, signal}))
      .filter(({action}) => action !== 'none')
      .map(({kind, name, action}) => `${action} ${kind} ${name}`)
  expect(await changes()).toEqual([])
  const rest = createRest({projectId: pipeline.settings.project, region: pipeline.settings.region, endpoint})
  const listed: string[] = []
  const resources = await alertResources(pipeline, {
    ...rest,
    request: (service, method, path, body) => {
      listed.push(path.replace(/^.*\//, ''))
      return rest.request(service, method, path, body)
    },
  })
  for (const resource of resources) expect(await resource.inspect()).toBe('right')
  expect(listed).toEqual(['alertPolicies', 'notificationChannels'])

  const {data, attributes} = notificationOf(object, undefined)
  await cloud.messages.publish(
    pipeline.names.deadLetterTopic,
    {data, attributes: {...attributes, CloudPubSubDeadLetterSourceDeliveryCount: '5'}},
    {signal},
  )
  expect(await calls(1)).toMatchObject([
    {
      state: 'open',
      policy_name: 'cloud-runner cloud-runner',
      condition_name: 'cloud-runner: dead letters',
      policy_user_labels: {'cloud-runner': 'cloud-runner'},
    },
  ])
  const {redriven} = await redrive(await planRedrive([], context), context)
  await waitForResults(redriven, {timeoutMs: 30_000}, context)
  const [opened, closed] = await calls(2)
  expect(closed).toMatchObject({state: 'closed', incident_id: opened?.['incident_id']})

  // What is no longer wanted goes, as with Terraform.
  const fewer = pipelineOf({
    ...pipeline.settings,
    alerts: {email: 'ops@example.com'},
    noResultMinutes: undefined,
  })
  expect(await changes(fewer)).toEqual([
    'update alert policy cloud-runner cloud-runner',
    'update notification channel cloud-runner cloud-runner: webhook',
  ])
  await cloud.infrastructure.apply(fewer, {image, signal, step})
  expect(await changes(fewer)).toEqual([])
  const none = pipelineOf({...fewer.settings, alerts: {}})
  await cloud.infrastructure.apply(none, {image, signal, step})
  expect(await changes(none)).toEqual([])

  await cloud.infrastructure.apply(pipeline, {image, signal, step})
  await cloud.infrastructure.destroy(pipeline, {signal, step})
  expect(await cloud.infrastructure.leftovers(pipeline, {signal})).toEqual([])
})
