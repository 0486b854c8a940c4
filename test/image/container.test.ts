import {readFileSync} from 'node:fs'
import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, onTestFinished, test} from 'vitest'
import {provideImage} from '../../src/core/deploy/build.ts'
import {builtImages} from '../../src/core/deploy/docker-image.ts'
import {assembleImage, LIVENESS_PORT} from '../../src/image/assemble.ts'
import {bundleWorker} from '../../src/image/bundle.ts'
import {pullBase} from '../../src/image/pull.ts'
import {pushImage} from '../../src/image/push.ts'
import {generateSample} from '../../src/core/sample/index.ts'
import {sendCanary} from '../../src/core/setup/canary.ts'
import {planUpload} from '../../src/core/upload/plan.ts'
import {upload} from '../../src/core/upload/upload.ts'
import {waitForResults} from '../../src/core/files/wait.ts'
import {docker, whyNot} from '../support/docker.ts'
import {startLocalPipeline} from '../support/local-pipeline.ts'

const BASE = 'gcr.io/distroless/nodejs24-debian12:nonroot'
const NO_BASE = whyNot(BASE)
const TEMPLATES = join(import.meta.dirname, '../../worker/templates')

/** An image as `docker run -p` runs it, on a read-only root, with no right to anything, until the test is over. */
async function run(image: string) {
  const hardened = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges']
  const id = await docker(
    'run',
    '--detach',
    ...hardened,
    '--publish',
    '127.0.0.1::8080',
    '--env',
    'OUTPUT_BUCKET=output',
    image,
  )
  onTestFinished(async () => void (await docker('rm', '--force', '--volumes', id)))
  const port = (await docker('port', id, '8080/tcp')).split(':').at(-1)
  const url = `http://127.0.0.1:${port}`
  return {
    id,
    url,
    /** Who its process is, on this machine. */
    user: async (): Promise<string | undefined> => {
      const pid = await docker('inspect', '--format', '{{.State.Pid}}', id)
      return /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    },
    /** Answers as soon as it listens: until then the engine's proxy takes connections and drops them. */
    health: async (): Promise<number> => {
      for (;;) {
        const status = await fetch(`${url}/healthz`).then(
          (response) => response.status,
          () => undefined,
        )
        if (status !== undefined) return status
        expect(await docker('inspect', '--format', '{{.State.Running}}', id)).toBe('true')
      }
    },
    /** SIGTERM. @returns how it ended */
    stop: async (): Promise<string> => {
      await docker('kill', '--signal', 'TERM', id)
      return docker('wait', id)
    },
  }
}

async function expectOrder(image: string): Promise<void> {
  const container = await run(image)
  expect(await container.health()).toBe(200)
  expect((await fetch(container.url, {method: 'POST', body: '{}'})).status).toBe(204)
  expect(await container.user()).toBe('65532')
  expect(await container.stop()).toBe('0')
  const log = await docker('logs', container.id)
  for (const line of log.split('\n')) expect(JSON.parse(line)).toHaveProperty('severity')
}

test.skipIf(NO_BASE !== '')(
  `the worker's image, by the Dockerfile and by the assembler: starts, answers, ends at SIGTERM, and does its work ${NO_BASE}`,
  async () => {
    const context = await startLocalPipeline({name: `image-${process.pid}`})
    const {cloud, pipeline, signal, step, folder} = context
    const {names} = pipeline
    const apply = (image: string | undefined) => cloud.infrastructure.apply(pipeline, {image, signal, step})
    await apply(undefined)
    onTestFinished(async () => void (await context.engine.remove(builtImages(context))))

    const repository = names.image.slice(names.image.indexOf('/') + 1)
    const at = (digest: string) => `${new URL(context.endpoint).host}/${repository}@${digest}`
    const digestOf = (reference: string) => reference.slice(reference.indexOf('@') + 1)
    const {image: built} = await provideImage({workerFolder: undefined, builder: 'docker'}, context, {
      push: true,
    })

    // The base's layers came with the image; its name does not cost them a second time.
    const base = `${new URL(context.endpoint).host}/${repository}:base`
    await docker('tag', BASE, base)
    onTestFinished(async () => void (await docker('rmi', '--force', base)))
    await docker('push', '--quiet', base)
    const files = await bundleWorker({folder: undefined})
    const assembled = await assembleImage({
      files,
      base: await pullBase({registry: cloud.registry, repository, reference: 'base', signal}),
    })
    await pushImage(assembled, {registry: cloud.registry, repository, tag: 'assembled', signal})

    await writeFile(join(folder, 'sample.csv'), [...generateSample({rows: 200})].join(''))
    for (const digest of [digestOf(built), assembled.digest]) {
      await docker('pull', '--quiet', at(digest))
      onTestFinished(async () => void (await docker('rmi', '--force', at(digest))))
      await expectOrder(at(digest))

      await apply(`${names.image}@${digest}`)
      const {ready, problem} = await cloud.services.deploy(
        names.service,
        {image: `${names.image}@${digest}`, livenessPort: LIVENESS_PORT},
        {hold: false, signal, step},
      )
      expect([ready, problem]).toEqual([true, undefined])
      await sendCanary(context)
      const sent = await upload(await planUpload({sources: ['sample.csv'], cwd: folder}), {}, context)
      const {files: ended} = await waitForResults(sent.uploaded, {timeoutMs: 120_000}, context)
      expect(ended).toMatchObject([{state: 'done'}])
    }
  },
  300_000,
)

describe.each([
  {template: 'python', reason: whyNot('python:3.11-slim')},
  {template: 'container', reason: whyNot('node:24-slim')},
])('the image of the template $template', ({template, reason}) => {
  test.skipIf(reason !== '')(
    `holds the worker alone; starts, answers, ends at SIGTERM ${reason}`,
    async () => {
      const image = `cloud-runner-test/${template}-${process.pid}`
      await docker('build', '--quiet', '--tag', image, join(TEMPLATES, template))
      onTestFinished(async () => void (await docker('rmi', '--force', image)))
      await expectOrder(image)
      const files = await docker('run', '--rm', '--entrypoint', 'ls', image, '-A', '/app')
      expect(files).not.toMatch(/test_|README|Dockerfile|sample|\.dockerignore/)
    },
    120_000,
  )
})
