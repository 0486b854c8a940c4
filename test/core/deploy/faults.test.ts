import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {deploy} from '../../../src/core/deploy/deploy.ts'
import {rollback} from '../../../src/core/rollback.ts'
import {setup} from '../../../src/core/setup/setup.ts'
import {status} from '../../../src/core/status.ts'
import {planUpload} from '../../../src/core/upload/plan.ts'
import {upload} from '../../../src/core/upload/upload.ts'
import {waitForResults} from '../../../src/core/files/wait.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {capitals, workerFolder} from '../../support/worker-folder.ts'

async function plan(endpoint: string, ...faults: object[]): Promise<void> {
  const body = JSON.stringify({faults})
  expect((await fetch(`${endpoint}/_local-cloud/faults`, {method: 'POST', body})).status).toBe(200)
}

/** What has not happened yet. */
async function planned(endpoint: string): Promise<unknown> {
  const {faults}: {faults: unknown} = JSON.parse(
    await (await fetch(`${endpoint}/_local-cloud/faults`)).text(),
  )
  return faults
}

const UPDATE = {rpc: 'google.cloud.run.v2.Services/UpdateService'}

test('a quota is waited out, a conflict and expired credentials are reported, a silent server is given up: the traffic stays, and the next deploy succeeds', async () => {
  const context = await startLocalPipeline()
  const folder = await workerFolder('processor.js', capitals('one '))
  const {service} = await setup({workerFolder: folder}, context)
  const serving = async () => (await context.cloud.services.get('cloud-runner'))?.traffic
  const before = service.traffic

  await writeFile(join(folder, 'processor.js'), capitals('two '))
  await plan(context.endpoint, {on: UPDATE, answer: 409, message: 'version was specified but current is'})
  await expect(deploy({workerFolder: folder}, context)).rejects.toMatchObject({
    code: 'conflict',
    suggestions: [expect.stringContaining('try again')],
  })
  await plan(context.endpoint, {on: UPDATE, answer: 429, times: 4})
  await expect(deploy({workerFolder: folder}, context)).rejects.toMatchObject({code: 'rate-limited'})
  await plan(context.endpoint, {on: UPDATE, answer: 401, message: 'Request had invalid credentials.'})
  await expect(deploy({workerFolder: folder}, context)).rejects.toMatchObject({
    code: 'unauthenticated',
    suggestions: ['Sign in: gcloud auth application-default login'],
  })
  expect(await serving()).toEqual(before)

  // Cloud Run says nothing at all, until the user has enough of it: the lock is free again.
  await plan(context.endpoint, {on: UPDATE, hang: true})
  const enough = new AbortController()
  const deploying = deploy({workerFolder: folder}, {...context, signal: enough.signal})
  deploying.catch(() => undefined)
  await expect.poll(() => planned(context.endpoint)).toEqual([])
  enough.abort(new Error('enough'))
  await expect(deploying).rejects.toThrow('enough')
  expect(await serving()).toEqual(before)

  await plan(context.endpoint, {on: UPDATE, answer: 429, times: 2})
  const done = await deploy({workerFolder: folder}, context)
  expect(done.service).toMatchObject({ready: true, image: done.image})
})

test('credentials that expire during an upload or a wait are reported, and the same command continues', async () => {
  const context = await startLocalPipeline()
  const {endpoint, folder, cloud, pipeline} = context
  await setup({workerFolder: await workerFolder('processor.js', capitals(''))}, context)
  await writeFile(join(folder, 'a.txt'), 'a'.repeat(100_000))
  const send = async () => upload(await planUpload({sources: ['a.txt'], cwd: folder}), {}, context)
  const signIn = {code: 'unauthenticated', suggestions: ['Sign in: gcloud auth application-default login']}
  const expired = {answer: 401, message: 'Request had invalid authentication credentials.'}

  await plan(endpoint, {
    on: {method: 'POST', path: '/upload/storage/v1/b/*/o'},
    ...expired,
    afterRequestBytes: 50_000,
  })
  expect((await send()).failed).toMatchObject([{object: 'a.txt', error: signIn}])
  expect(await cloud.objects.stat(pipeline.names.inputBucket, 'a.txt')).toBeUndefined()

  const {uploaded} = await send()
  await plan(endpoint, {
    on: {method: 'GET', path: `/storage/v1/b/${pipeline.names.outputBucket}/**`, principal: 'owner'},
    ...expired,
  })
  await expect(waitForResults(uploaded, {timeoutMs: 20_000}, context)).rejects.toMatchObject(signIn)
  expect((await waitForResults(uploaded, {timeoutMs: 20_000}, context)).exitCode).toBe(0)
})

test('a revision whose image is gone is not rolled back to, nor is its image deployed', async () => {
  const context = await startLocalPipeline()
  const folder = await workerFolder('processor.js', capitals('one '))
  const one = await setup({workerFolder: folder}, context)
  await writeFile(join(folder, 'processor.js'), capitals('two '))
  const two = await deploy({workerFolder: folder}, context)
  const [, path = '', digest = ''] = /^[^/]+\/(.*)@(.*)$/.exec(one.image) ?? []
  const removed = await fetch(`${context.endpoint}/v2/${path}/manifests/${digest}`, {method: 'DELETE'})
  expect(removed.status).toBe(202)

  await expect(rollback({revision: undefined}, context)).rejects.toMatchObject({
    code: 'revision-unknown',
    message: expect.stringContaining(`its image ${one.image} is gone`),
  })
  await expect(deploy({workerFolder: undefined, image: one.image}, context)).rejects.toMatchObject({
    code: 'image-unknown',
  })
  expect((await context.cloud.services.get('cloud-runner'))?.traffic).toEqual(two.service.traffic)
})

test('a push account without the right to invoke: status says so, setup repairs it, the file is processed', async () => {
  const context = await startLocalPipeline({minimumBackoff: '0s', maximumBackoff: '10s'})
  const {endpoint, folder, pipeline} = context
  const worker = await workerFolder('processor.js', capitals(''))
  await setup({workerFolder: worker}, context)
  const {project, region} = pipeline.settings
  const service = `${endpoint}/v2/projects/${project}/locations/${region}/services/cloud-runner`
  await fetch(`${service}:setIamPolicy`, {method: 'POST', body: JSON.stringify({policy: {bindings: []}})})

  await writeFile(join(folder, 'a.txt'), 'a')
  const {uploaded} = await upload(await planUpload({sources: ['a.txt'], cwd: folder}), {}, context)
  const look = () => status({objects: [], limit: 1}, context)
  await expect.poll(async () => (await look()).refusedPushes, {timeout: 10_000}).toBe(403)
  await setup({workerFolder: worker}, context)
  expect((await waitForResults(uploaded, {timeoutMs: 25_000}, context)).exitCode).toBe(0)
  expect((await look()).refusedPushes).toBeUndefined()
})
