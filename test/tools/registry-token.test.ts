import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {provideImage} from '../../src/core/deploy/build.ts'
import {builtImages} from '../../src/core/deploy/docker-image.ts'
import {assembleImage} from '../../src/image/assemble.ts'
import {bundleWorker} from '../../src/image/bundle.ts'
import {pullBase} from '../../src/image/pull.ts'
import {pushImage} from '../../src/image/push.ts'
import {parseObject} from '../support/cli.ts'
import {docker, whyNot} from '../support/docker.ts'
import {startLocalPipeline} from '../support/local-pipeline.ts'
import {startTokenRegistry} from '../support/token-registry.ts'
import {workerFolder, capitals} from '../support/worker-folder.ts'

// As on Google: the registry asks for a token, and IAM says what its account may do.
const NO_ENGINE = whyNot()
const BASE = 'gcr.io/distroless/nodejs24-debian12:nonroot'
const NO_BASE = whyNot(BASE)

/** A pipeline whose registry takes nothing without a token; the token's account may not write, until it is let. */
async function startPipeline() {
  const context = await startLocalPipeline()
  const {pipeline, cloud, signal, step, endpoint} = context
  await cloud.infrastructure.apply(pipeline, {image: undefined, signal, step})
  const {project, region} = pipeline.settings
  const account = pipeline.names.pushAccount
  const call = async (path: string, body: object) => {
    const response = await fetch(`${endpoint}${path}`, {method: 'POST', body: JSON.stringify(body)})
    expect(response.status).toBe(200)
    return parseObject(await response.text())
  }
  const {accessToken} = await call(`/v1/projects/-/serviceAccounts/${account}:generateAccessToken`, {
    scope: ['https://www.googleapis.com/auth/cloud-platform'],
  })
  const front = await startTokenRegistry(endpoint)
  const registry = {origin: front.origin, authorization: async () => `Bearer ${String(accessToken)}`}
  const policy = {bindings: [{role: 'roles/artifactregistry.writer', members: [`serviceAccount:${account}`]}]}
  return {
    ...context,
    cloud: {...cloud, registry},
    letWrite: () =>
      call(`/v1/projects/${project}/locations/${region}/repositories/cloud-runner:setIamPolicy`, {policy}),
  }
}

test('the assembler pushes by the token: refused without the role, taken with it', async () => {
  const {letWrite, ...context} = await startPipeline()
  const request = {workerFolder: await workerFolder('processor.js', capitals('')), builder: 'layer'} as const
  await expect(provideImage(request, context, {push: true})).rejects.toMatchObject({
    code: 'permission-denied',
  })
  await letWrite()
  expect((await provideImage(request, context, {push: true})).image).toMatch(/worker@sha256:[0-9a-f]{64}$/)
})

test.skipIf(NO_ENGINE !== '')(
  `docker pushes by the token: refused without the role, taken with it ${NO_ENGINE}`,
  async () => {
    const {letWrite, ...context} = await startPipeline()
    const folder = join(context.folder, 'own')
    await mkdir(folder)
    await writeFile(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY Dockerfile /\nCMD ["/none"]\n')
    const request = {workerFolder: folder}
    await expect(provideImage(request, context, {push: true})).rejects.toMatchObject({
      code: 'permission-denied',
      suggestions: ['Without docker: cloud-runner deploy --builder layer'],
    })
    await letWrite()
    expect((await provideImage(request, context, {push: true})).image).toMatch(/worker@sha256:[0-9a-f]{64}$/)
    expect(await context.engine.remove(builtImages(context))).toBe(1)
  },
)

describe.skipIf(NO_BASE !== '')(`a real base ${NO_BASE}`, () => {
  test('the layer stands on it, and docker runs the image: the worker answers', async () => {
    const {letWrite, ...context} = await startPipeline()
    await letWrite()
    const {endpoint, cloud, signal} = context
    const {host} = new URL(endpoint)
    const path = 'cloud-runner-local/cloud-runner'
    await docker('tag', BASE, `${host}/${path}/base:1`)
    await docker('push', '--quiet', `${host}/${path}/base:1`)
    await docker('image', 'rm', `${host}/${path}/base:1`)

    const base = await pullBase({
      registry: cloud.registry,
      repository: `${path}/base`,
      reference: '1',
      signal,
    })
    const files = await bundleWorker({folder: undefined})
    const image = await assembleImage({files, base})
    await pushImage(image, {registry: cloud.registry, repository: `${path}/worker`, tag: 'real', signal})

    const reference = `${host}/${path}/worker@${image.digest}`
    await docker('pull', '--quiet', reference)
    const run = ['run', '--detach', '--network=host', '--env=OUTPUT_BUCKET=o', '--env=PORT=0']
    const container = await docker(...run, reference)
    try {
      const port = async () =>
        /is listening on port (\d+)/.exec(await docker('logs', container))?.[1] ?? 'none yet'
      await expect.poll(port, {timeout: 20_000}).toMatch(/^\d+$/)
      expect((await fetch(`http://127.0.0.1:${await port()}/healthz`)).status).toBe(200)
    } finally {
      await docker('rm', '--force', container)
      await docker('image', 'rm', '--force', reference)
    }
  }, 120_000)
})
