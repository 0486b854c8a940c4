import {createReadStream} from 'node:fs'
import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {extract} from 'tar-stream'
import {describe, expect, onTestFinished, test, vi} from 'vitest'
import {provideImage} from '../../src/core/deploy/build.ts'
import {builtImages} from '../../src/core/deploy/docker-image.ts'
import {deploy} from '../../src/core/deploy/deploy.ts'
import {destroy} from '../../src/core/destroy.ts'
import {bundleWorker} from '../../src/image/bundle.ts'
import {setup} from '../../src/core/setup/setup.ts'
import {createDocker} from '../../src/tools/docker.ts'
import {parseObject} from '../support/cli.ts'
import {docker, hasDocker} from '../support/docker.ts'
import {startLocalPipeline} from '../support/local-pipeline.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'
import {capitals, workerFolder} from '../support/worker-folder.ts'

const NO_ENGINE = hasDocker() ? '' : ' (skipped: no docker engine)'

/** Of an image in the local cloud's registry, by the protocol. */
async function configOf(endpoint: string, image: string): Promise<Record<string, unknown>> {
  const [, path = '', digest = ''] = /^[^/]+\/(.*)@(.*)$/.exec(image) ?? []
  const get = async (of: string) => parseObject(await (await fetch(`${endpoint}/v2/${path}/${of}`)).text())
  const {config} = await get(`manifests/${digest}`)
  const blob = await get(`blobs/${textIn(config, 'digest')}`)
  return parseObject(JSON.stringify(blob['config']))
}

function textIn(value: unknown, field: string): string {
  return value instanceof Object && field in value ? String(Reflect.get(value, field)) : ''
}

describe.skipIf(NO_ENGINE !== '')(`a docker engine${NO_ENGINE}`, () => {
  test('builds the same image as the assembler, but for the base', async () => {
    const local = await startLocalPipeline()
    const {signal, step} = local
    await local.cloud.infrastructure.apply(local.pipeline, {image: undefined, signal, step})
    const folder = await workerFolder('processor.js', capitals('one '))
    const {image: layered} = await provideImage({workerFolder: folder, builder: 'layer'}, local, {push: true})

    // The base alone is another one here: an empty one, so that only the Dockerfile's own files are in the image.
    const references: string[] = []
    const engine = {
      ...createDocker(),
      async build({folder: context, reference}: {folder: string; reference: string}) {
        references.push(reference)
        await docker('build', '--build-arg', 'BASE=scratch', '--tag', reference, context)
      },
    }
    const {image: built} = await provideImage(
      {workerFolder: folder, builder: 'docker'},
      {...local, engine},
      {push: true},
    )
    expect(built).toMatch(/worker@sha256:[0-9a-f]{64}$/)

    const ofLayer = await configOf(local.endpoint, layered)
    const ofDocker = await configOf(local.endpoint, built)
    for (const field of ['Entrypoint', 'User', 'WorkingDir', 'ExposedPorts'])
      expect([field, ofDocker[field]]).toEqual([field, ofLayer[field]])

    const [reference = ''] = references
    const container = await docker('create', reference)
    const listed = await filesOf(container)
    await docker('rm', container)
    await local.engine.remove(builtImages(local))
    const files = await bundleWorker({folder})
    expect(listed).toEqual(files.map(({path}) => path))
  })

  test("builds a worker's own Dockerfile, and says what is wrong with one; pushes an image that it has", async () => {
    const context = await startLocalPipeline()
    const {signal, step, cloud, pipeline} = context
    await cloud.infrastructure.apply(pipeline, {image: undefined, signal, step})
    const folder = join(await temporaryFolder(), 'own')
    await mkdir(folder)
    await writeFile(join(folder, 'hello.txt'), 'hello')
    await writeFile(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY hello.txt /hello.txt\nCMD ["/none"]\n')
    const {image: built} = await provideImage({workerFolder: folder}, context, {push: true})
    expect(await configOf(context.endpoint, built)).toMatchObject({Cmd: ['/none']})

    const [image] = builtImages(context).references
    const {image: taken} = await provideImage({workerFolder: undefined, image}, context, {push: true})
    expect(taken).toBe(built)

    await writeFile(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY missing.txt /\n')
    await expect(provideImage({workerFolder: folder}, context, {push: true})).rejects.toMatchObject({
      code: 'worker-build-failed',
      message: expect.stringContaining('missing.txt'),
    })
    expect(await context.engine.remove(builtImages(context))).toBe(1)
  })

  test('what was built for a pipeline is removed with it: older builds too, but no other pipeline’s', async () => {
    const context = await startLocalPipeline({name: `images-${process.pid}`})
    const {signal, step, cloud, pipeline} = context
    await cloud.infrastructure.apply(pipeline, {image: undefined, signal, step})
    const folder = await temporaryFolder()
    const build = async (text: string) => {
      await writeFile(join(folder, 'Dockerfile'), `FROM scratch\nCOPY Dockerfile /\n# ${text}\n`)
      await provideImage({workerFolder: folder}, context, {push: true})
    }
    await build('one')
    await build('two')
    const others = `others-${process.pid}:1`
    await docker('build', '--tag', others, '--label', 'cloud-runner=another', folder)

    const {imagesRemoved} = await destroy(context)
    expect(imagesRemoved).toBe(2)
    expect(
      await docker('image', 'ls', '--quiet', '--filter', `label=cloud-runner=images-${process.pid}`),
    ).toBe('')
    expect(await docker('image', 'ls', '--quiet', others)).not.toBe('')
    await docker('image', 'rm', others)
  })
})

test('without an engine there is nothing to remove', async () => {
  vi.stubEnv('DOCKER_HOST', 'unix:///nowhere/docker.sock')
  onTestFinished(() => void vi.unstubAllEnvs())
  expect(await createDocker().remove({labels: {'cloud-runner': 'x'}, references: ['x-worker:build']})).toBe(0)
})

test('without an engine: what to start, and the way without docker only if one exists', async () => {
  const local = await startLocalPipeline()
  const context = {...local, engine: {...createDocker(), answers: () => Promise.resolve(false)}}
  const container = await temporaryFolder()
  await writeFile(join(container, 'Dockerfile'), 'FROM scratch\n')
  const START = expect.stringContaining('docker info')

  await expect(setup({workerFolder: container}, context)).rejects.toMatchObject({
    code: 'program-missing',
    suggestions: [START],
  })
  for (const builder of [undefined, 'layer'] as const) {
    await expect(deploy({workerFolder: undefined, builder}, context)).rejects.toMatchObject({
      code: 'not-set-up',
      message: 'The setup of pipeline cloud-runner did not finish: there is no service to deploy to.',
      suggestions: ['Finish it: cloud-runner setup'],
    })
  }

  const folder = await workerFolder('processor.js', capitals(''))
  await setup({workerFolder: folder}, context)
  await expect(deploy({workerFolder: container}, context)).rejects.toMatchObject({suggestions: [START]})
  await expect(deploy({workerFolder: folder, builder: 'docker'}, context)).rejects.toMatchObject({
    suggestions: [START, 'Or build without docker: cloud-runner deploy --builder layer'],
  })
})

test('what a docker without buildx says of itself is neither a step nor in the error', async () => {
  const folder = await temporaryFolder()
  const bin = join(folder, 'docker')
  const notice = [
    'DEPRECATED: The legacy builder is deprecated and will be removed in a future release.',
    '            Install the buildx component to build images with BuildKit:',
    '            https://docs.docker.com/go/buildx/',
  ]
  const lines = [...notice, '', 'Step 1/2 : FROM scratch', 'COPY failed: missing.txt']
  await writeFile(bin, `#!/bin/sh\ncat >&2 <<'END'\n${lines.join('\n')}\nEND\nexit 1\n`, {mode: 0o755})
  vi.stubEnv('PATH', `${folder}:${process.env['PATH'] ?? ''}`)
  onTestFinished(() => void vi.unstubAllEnvs())
  const steps: string[] = []
  const step = (text: string) => void steps.push(text)
  const {signal} = new AbortController()
  await expect(
    createDocker().build({folder, reference: 'x:1', labels: {}, signal, step}),
  ).rejects.toMatchObject({
    message: `docker cannot build ${folder}:\n  Step 1/2 : FROM scratch\n  COPY failed: missing.txt`,
  })
  expect(steps).toEqual(['Step 1/2 : FROM scratch', 'COPY failed: missing.txt'])
})

/** The regular files of a container that are not docker's own. */
async function filesOf(container: string): Promise<string[]> {
  const archive = join(await temporaryFolder(), 'files.tar')
  await docker('export', '--output', archive, container)
  const files: string[] = []
  for await (const entry of createReadStream(archive).pipe(extract())) {
    const {name, type} = entry.header
    if (type === 'file' && !/^(?:\.dockerenv|dev\/|etc\/|proc\/|sys\/)/.test(name)) files.push(name)
    entry.resume()
  }
  return files
}
