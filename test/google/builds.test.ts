import {mkdir, writeFile} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import {expect, test} from 'vitest'
import {provideImage} from '../../src/core/deploy/build.ts'
import {destroy} from '../../src/core/destroy.ts'
import {findDigest} from '../../src/core/image-reference.ts'
import {createBuilds} from '../../src/google/builds.ts'
import {createRest} from '../../src/google/rest.ts'
import {createDocker} from '../../src/tools/docker.ts'
import {ACCOUNT, LOG_URL, startCloudBuild, type Outcome} from '../support/cloud-build-server.ts'
import {addFault} from '../support/fault-plan.ts'
import {startLocalPipeline} from '../support/local-pipeline.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

const PROCFILE = {Procfile: 'web: python main.py\n', 'main.py': 'print("hello")\n'}
const WORKER = {...PROCFILE, Dockerfile: 'FROM python:3.13-slim\nCOPY . .\n'}

/** A pipeline on Google Cloud, on a machine without docker: Cloud Build in front of a local cloud. */
async function start(files: Readonly<Record<string, string>>, outcome?: Outcome) {
  const local = await startLocalPipeline()
  const {pipeline, cloud, signal, step, endpoint} = local
  await cloud.infrastructure.apply(pipeline, {image: undefined, signal, step})
  const server = await startCloudBuild(endpoint, outcome)
  const {project: projectId, region} = pipeline.settings
  const rest = createRest({projectId, region, endpoint: server.origin})
  const {objects, project} = cloud
  const builds = createBuilds({projectId, region, rest, objects, project, pause: async () => {}})
  const workerFolder = await temporaryFolder()
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(workerFolder, name)), {recursive: true})
    await writeFile(join(workerFolder, name), content)
  }
  const engine = {...createDocker(), answers: () => Promise.resolve(false)}
  const context = {...local, engine, cloud: {...cloud, isLocal: false, builds}}
  const buckets = async () => (await project.buckets()).map(({name}) => name)
  return {context, server, request: {workerFolder}, buckets}
}

const image = (args: string[]) => ({args: expect.arrayContaining(args)})

test('without docker, Cloud Build builds a Dockerfile; what .dockerignore excludes is not uploaded', async () => {
  const {context, server, request, buckets} = await start({
    ...WORKER,
    '.dockerignore': '# secrets\n*.env\n**/*.log\ndata\n!data/keep.txt\nDockerfile\n',
    'secret.env': 'KEY=1',
    'deep/er/run.log': 'x',
    'deep/er/run.txt': 'x',
    'data/big.bin': 'x',
    'data/keep.txt': 'x',
    '.git/config': 'x',
    '.npmrc': 'x',
    empty: '',
  })
  const before = await buckets()
  const {image: built} = await provideImage(request, context, {push: true})
  expect(built).toMatch(/worker@sha256:[0-9a-f]{64}$/)
  expect(await findDigest(built, context)).toBe(built)
  const [source = {}] = server.sources
  expect(Object.keys(source).toSorted()).toEqual([
    '.dockerignore',
    '.npmrc',
    'Dockerfile',
    'Procfile',
    'data/keep.txt',
    'deep/er/run.txt',
    'empty',
    'main.py',
  ])
  expect(source).toMatchObject(WORKER)
  const name = `${context.pipeline.names.image}:built`
  expect(server.bodies).toMatchObject([
    {
      images: [name],
      options: {logging: 'CLOUD_LOGGING_ONLY'},
      steps: [
        {name: 'gcr.io/cloud-builders/docker', ...image(['build', '--file', 'Dockerfile', '--tag', name])},
      ],
    },
  ])
  expect(context.steps).toContain(`Cloud Build: ${LOG_URL}`)
  expect(context.steps).toContain('Cloud Build: step 1 of 1, gcr.io/cloud-builders/docker')
  expect(await buckets()).toEqual(before)
})

test('a Procfile without a Dockerfile is built by buildpacks, and labelled; a dry run pushes nothing', async () => {
  const {context, server, request} = await start(PROCFILE)
  const {image: named} = await provideImage(request, context, {push: false})
  expect(named).toBe(`${context.pipeline.names.image}:build`)
  expect(await findDigest(`${context.pipeline.names.image}:built`, context)).toBe(undefined)
  expect(server.bodies[0]).not.toHaveProperty('images')
  expect(server.bodies[0]).toMatchObject({
    steps: [
      {name: 'gcr.io/k8s-skaffold/pack', ...image(['build', 'gcr.io/buildpacks/builder:latest'])},
      {
        name: 'gcr.io/cloud-builders/docker',
        args: [
          '-c',
          'echo "FROM $$0" | docker build "$$@" -',
          ...Array.from({length: 5}, () => expect.any(String)),
        ],
      },
    ],
  })
  await expect(provideImage({...request, builder: 'docker'}, context, {push: true})).rejects.toMatchObject({
    code: 'worker-missing',
    suggestions: ['Build it on Google Cloud: cloud-runner deploy --builder cloudbuild'],
  })
})

test('the packaged worker is built on request, from the Dockerfile of this package', async () => {
  const {context, server} = await start({})
  await provideImage({workerFolder: undefined, builder: 'cloudbuild'}, context, {push: true})
  expect(Object.keys(server.sources[0] ?? {}).toSorted()).toEqual(['Dockerfile', 'dist/worker.cjs'])
})

test('a build ends as it did if its source cannot be deleted, which is said', async () => {
  const {context, request} = await start(WORKER)
  await addFault(context.endpoint, {on: {rpc: 'storage.objects.delete'}, answer: 403})
  const {image: built} = await provideImage(request, context, {push: true})
  expect(built).toMatch(/worker@sha256:[0-9a-f]{64}$/)
  expect(context.steps.at(-1)).toMatch(/^Could not delete gs:\/\/.*\/source\/.*\.tgz: .*Fault on purpose/)
})

test('a failed build shows the end of its log and where the rest is; nothing stays behind', async () => {
  const {context, request, buckets} = await start(WORKER, {
    build: {status: 'FAILURE', failureInfo: {type: 'USER_BUILD_STEP', detail: 'Build step failure'}},
    log: ['Step #0: pip install', 'Step #0: no such package'],
  })
  const before = await buckets()
  await expect(provideImage(request, context, {push: true})).rejects.toMatchObject({
    code: 'worker-build-failed',
    message:
      'Cloud Build ended with FAILURE: Build step failure\n  Step #0: pip install\n  Step #0: no such package',
    suggestions: [`See its log: ${LOG_URL}`],
  })
  expect(await buckets()).toEqual(before)
})

test('what the build prints is shown while it runs, each line once', async () => {
  const {context, request} = await start(WORKER, {log: ['Step #0: FROM python', '', 'Step #0: done']})
  await provideImage(request, context, {push: true})
  const shown = context.steps.slice(context.steps.indexOf(`Cloud Build: ${LOG_URL}`) + 1)
  expect(shown.slice(0, 4)).toEqual([
    'Cloud Build: waiting for a machine',
    'Step #0: FROM python',
    'Cloud Build: step 1 of 1, gcr.io/cloud-builders/docker',
    'Step #0: done',
  ])
})

test('lines that arrive after the end of the build are shown, up to the last one', async () => {
  const log = ['FETCHSOURCE', 'BUILD', 'Step #0: FROM python', 'PUSH', 'DONE', 'of another build']
  const {context, request} = await start(WORKER, {log})
  await provideImage(request, context, {push: true})
  expect(context.steps.filter((line) => log.includes(line))).toEqual(log.slice(0, 5))
})

test('a build that may not push names its account and the role', async () => {
  const {context, request} = await start(WORKER, {
    build: {status: 'FAILURE', failureInfo: {type: 'PUSH_NOT_AUTHORIZED', detail: 'denied'}},
  })
  await expect(provideImage(request, context, {push: true})).rejects.toMatchObject({
    code: 'permission-denied',
    suggestions: [
      expect.stringContaining(`--member=serviceAccount:${ACCOUNT} --role=roles/run.builder`),
      expect.any(String),
    ],
  })
})

test.each([
  [
    'Cloud Build API has not been used in project 12 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/cloudbuild.googleapis.com/overview then retry.',
    'api-disabled',
    'Enable it: gcloud services enable cloudbuild.googleapis.com --project 12',
  ],
  [
    'The caller does not have permission',
    'permission-denied',
    expect.stringContaining('--role=roles/cloudbuild.builds.editor'),
  ],
])('%s', async (message, code, suggestion) => {
  const {context, request} = await start(WORKER, {refused: [403, message]})
  await expect(provideImage(request, context, {push: true})).rejects.toMatchObject({
    code,
    suggestions: [suggestion],
  })
})

test('an interruption cancels the build and removes its source', async () => {
  const {context, server, request, buckets} = await start(WORKER, {isEndless: true})
  const before = await buckets()
  const interrupted = new AbortController()
  const reason = new Error('Ctrl-C')
  const step = (text: string) => {
    if (text.includes('step 1')) interrupted.abort(reason)
  }
  const stopping = {...context, signal: interrupted.signal, step}
  await expect(provideImage(request, stopping, {push: true})).rejects.toBe(reason)
  expect(await server.cancelled).toBe('b-1')
  expect(await buckets()).toEqual(before)
})

test('the local cloud refuses Cloud Build by name', async () => {
  const {context, request} = await start(WORKER)
  const local = {...context, cloud: {...context.cloud, isLocal: true}}
  await expect(provideImage({...request, builder: 'cloudbuild'}, local, {push: true})).rejects.toMatchObject({
    code: 'usage',
    message: 'The local cloud has no Cloud Build; --builder cloudbuild needs Google Cloud.',
    suggestions: ['Build on this machine: cloud-runner deploy'],
  })
})

test('destroy removes a source bucket that a deploy left', async () => {
  const {context, request, buckets} = await start(WORKER)
  const {project, name} = context.pipeline.settings
  const source = `${project}-${name}-source`
  const on = {method: 'DELETE', path: `/storage/v1/b/${source}`}
  await addFault(context.endpoint, {on, answer: 403, times: 1})
  await provideImage(request, context, {push: true})
  expect(await buckets()).toContain(source)
  const {removed, left} = await destroy(context)
  expect(removed).toContainEqual({kind: 'bucket', name: source, action: 'delete'})
  expect(left).toEqual([])
  expect(await buckets()).toEqual([])
})

test('a bucket of that name without the label stays', async () => {
  const {context, buckets} = await start(WORKER)
  const {project, name} = context.pipeline.settings
  const source = `${project}-${name}-source`
  const body = JSON.stringify({name: source})
  await fetch(`${context.endpoint}/storage/v1/b?project=${project}`, {method: 'POST', body})
  await destroy(context)
  expect(await buckets()).toEqual([source])
})
