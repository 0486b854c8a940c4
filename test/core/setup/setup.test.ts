import {describe, expect, test} from 'vitest'
import {fieldsOf} from '../../../src/core/json.ts'
import {pipelineOf} from '../../../src/core/settings/pipeline.ts'
import {setup} from '../../../src/core/setup/setup.ts'
import {createRest} from '../../../src/google/rest.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {capitals, workerFolder} from '../../support/worker-folder.ts'

describe('setup', () => {
  test('makes the pipeline; again, nothing is touched; with another setting, only what it concerns', async () => {
    const context = await startLocalPipeline()
    const folder = await workerFolder('processor.js', capitals(''))
    const stages: string[] = []
    const first = await setup({workerFolder: folder, stage: (stage) => stages.push(stage)}, context)
    expect(stages).toEqual(['infrastructure', 'image', 'service', 'canary'])
    expect(first).toMatchObject({deployed: true, service: {ready: true, image: first.image}})
    expect(new Set(first.resources.map(({action}) => action))).toEqual(new Set(['create']))

    const second = await setup({workerFolder: folder}, context)
    expect(second).toMatchObject({deployed: false, image: first.image})
    expect(second.service.latestReadyRevision).toBe(first.service.latestReadyRevision)
    expect(second.resources.filter(({action}) => action !== 'none')).toEqual([])

    const pipeline = pipelineOf({...context.pipeline.settings, labelColumn: 'bankrupt'})
    const third = await setup({workerFolder: folder}, {...context, pipeline})
    expect(third.resources.filter(({action}) => action !== 'none')).toEqual([
      {kind: 'service', name: 'cloud-runner', action: 'update'},
      {kind: 'job', name: 'cloud-runner-job', action: 'update'},
    ])
    expect(third.deployed).toBe(true)

    for (const bucket of [pipeline.names.inputBucket, pipeline.names.outputBucket]) {
      expect(await Array.fromAsync(context.cloud.objects.list(bucket))).toEqual([])
    }
  })

  test('a job that ran one task at a time runs all of them at once', async () => {
    const context = await startLocalPipeline()
    const {project, region} = context.pipeline.settings
    const request = {workerFolder: await workerFolder('processor.js', capitals(''))}
    await setup(request, context)
    const rest = createRest({projectId: project, region, endpoint: context.endpoint})
    const path = `/v2/projects/${project}/locations/${region}/jobs/${context.pipeline.names.job}`
    const job = fieldsOf(await rest.get('run', path))
    await rest.request('run', 'PATCH', path, {
      ...job,
      template: {...fieldsOf(job['template']), parallelism: 1},
    })

    const {resources} = await setup(request, context)
    expect(resources.filter(({action}) => action !== 'none')).toEqual([
      {kind: 'job', name: 'cloud-runner-job', action: 'update'},
    ])
    expect(fieldsOf((await rest.get('run', path))?.['template'])['parallelism'] ?? 0).toBe(0)
  })

  test('two at once make one pipeline', async () => {
    const context = await startLocalPipeline()
    const folder = await workerFolder('processor.js', capitals(''))
    const both = await Promise.all([
      setup({workerFolder: folder}, context),
      setup({workerFolder: folder}, context),
    ])
    expect(both.filter(({deployed}) => deployed)).toHaveLength(1)
    expect(context.steps.some((step) => step.startsWith('Waiting for cloud-runner setup'))).toBe(true)
  })

  test('a foreign container need not answer the canary: accepting the delivery is enough', async () => {
    const context = await startLocalPipeline()
    const folder = await workerFolder(
      'main.js',
      `import {createServer} from 'node:http'
       createServer((request, response) => request.resume().on('end', () => response.writeHead(204).end())).listen(process.env.PORT)\n`,
    )
    const {service, canary} = await setup({workerFolder: folder}, context)
    expect(service.ready).toBe(true)
    expect(canary.durationMs).toBeGreaterThan(0)
  })

  test('a foreign container that logs what it leaves alone has taken the canary too', async () => {
    const context = await startLocalPipeline()
    const folder = await workerFolder(
      'main.js',
      `import {createServer} from 'node:http'
       import {json} from 'node:stream/consumers'
       createServer(async (request, response) => {
         const {objectId: object} = (await json(request)).message.attributes
         console.log(JSON.stringify({message: 'skipped', outcome: 'skipped', 'logging.googleapis.com/labels': {object}}))
         response.writeHead(204).end()
       }).listen(process.env.PORT)\n`,
    )
    expect((await setup({workerFolder: folder}, context)).canary.durationMs).toBeGreaterThan(0)
  })

  test('a worker that does not start: its revision, why, and what it said', async () => {
    const context = await startLocalPipeline()
    const folder = await workerFolder('main.js', `console.log('the disk is on fire'); process.exit(7)\n`)
    await expect(setup({workerFolder: folder}, context)).rejects.toMatchObject({
      code: 'deploy-failed',
      message: expect.stringMatching(
        /Revision cloud-runner-\S+ of cloud-runner does not become ready: [^]*the disk is on fire/,
      ),
    })
  })

  test('a folder without a worker is reported before the service is touched', async () => {
    const context = await startLocalPipeline()
    await expect(setup({workerFolder: context.folder}, context)).rejects.toMatchObject({
      code: 'worker-missing',
    })
    expect(await context.cloud.services.get('cloud-runner')).toBeUndefined()
  })
})
