import {expect, test} from 'vitest'
import {buildAndPush} from '../../../src/core/deploy/build.ts'
import {sendCanary} from '../../../src/core/setup/canary.ts'
import {setup} from '../../../src/core/setup/setup.ts'
import {addFault} from '../../support/fault-plan.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {capitals, workerFolder} from '../../support/worker-folder.ts'

const REFUSES = `import {createServer} from 'node:http'
createServer((request, response) => {
  console.log(JSON.stringify({severity: 'ERROR', message: 'no database'}))
  request.resume().on('end', () => response.writeHead(503).end())
}).listen(process.env.PORT)\n`

test('a stuck canary says at which hop; setup repairs what was removed', async () => {
  const context = await startLocalPipeline()
  const {cloud, pipeline, endpoint} = context
  const {inputBucket, service} = pipeline.names
  const folder = await workerFolder('processor.js', capitals(''))
  await setup({workerFolder: folder}, context)

  const notifications = `${endpoint}/storage/v1/b/${inputBucket}/notificationConfigs`
  await fetch(`${notifications}/1`, {method: 'DELETE'})
  await expect(sendCanary(context, 1000)).rejects.toMatchObject({
    code: 'canary-failed',
    message: expect.stringContaining(`nothing reached service ${service}`),
  })

  const policy = `${endpoint}/v2/projects/${pipeline.settings.project}/locations/${pipeline.settings.region}/services/${service}`
  await fetch(`${policy}:setIamPolicy`, {
    method: 'POST',
    headers: {'content-type': 'application/json'},
    body: JSON.stringify({policy: {}}),
  })
  const mended = await setup({workerFolder: folder}, context)
  expect(mended.resources.filter(({action}) => action !== 'none').map(({kind}) => kind)).toEqual([
    'grant',
    'notification',
  ])
  expect(mended.deployed).toBe(false)

  for (const bucket of [inputBucket, pipeline.names.outputBucket]) {
    expect(await Array.fromAsync(cloud.objects.list(bucket))).toEqual([])
  }
})

test('a canary that got through counts, although what it left may not be deleted', async () => {
  const context = await startLocalPipeline()
  const {inputBucket} = context.pipeline.names
  await setup({workerFolder: await workerFolder('processor.js', capitals(''))}, context)
  await addFault(context.endpoint, {on: {rpc: 'storage.objects.delete'}, answer: 403})
  await sendCanary(context)
  expect(context.steps.at(-1)).toMatch(`Could not delete gs://${inputBucket}/`)
  expect(context.steps.at(-1)).toMatch(/: .*Fault on purpose/)
})

test('a push that may not invoke the service is named with the account that lacks the grant', async () => {
  const context = await startLocalPipeline()
  const {pipeline, endpoint} = context
  const {service, pushAccount} = pipeline.names
  await setup({workerFolder: await workerFolder('processor.js', capitals(''))}, context)
  const {project, region} = pipeline.settings
  await fetch(`${endpoint}/v2/projects/${project}/locations/${region}/services/${service}:setIamPolicy`, {
    method: 'POST',
    headers: {'content-type': 'application/json'},
    body: JSON.stringify({policy: {}}),
  })
  await expect(sendCanary(context, 2000)).rejects.toMatchObject({
    code: 'canary-failed',
    message: expect.stringContaining(`${pushAccount} may not invoke it`),
  })
})

test('a worker that refuses it is named with the status and what it said', async () => {
  const context = await startLocalPipeline()
  const {cloud, pipeline, signal, step} = context
  await cloud.infrastructure.apply(pipeline, {image: undefined, signal, step})
  const {image: pushed} = await buildAndPush(await workerFolder('main.js', REFUSES), context)
  await cloud.infrastructure.apply(pipeline, {image: pushed, signal, step})
  await expect(sendCanary(context, 2000)).rejects.toMatchObject({
    code: 'canary-failed',
    message: expect.stringMatching(
      /the worker received it but did not finish it \(HTTP 503\)\.\n[^]*no database/,
    ),
  })
})
