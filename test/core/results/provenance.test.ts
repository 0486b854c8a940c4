import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {sidecarObject} from '../../../worker/contract.ts'
import {deploy} from '../../../src/core/deploy/deploy.ts'
import {waitForResults} from '../../../src/core/files/wait.ts'
import {chooseFiles, reprocess} from '../../../src/core/reprocess.ts'
import {setup} from '../../../src/core/setup/setup.ts'
import {planUpload} from '../../../src/core/upload/plan.ts'
import {upload} from '../../../src/core/upload/upload.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {workerFolder} from '../../support/worker-folder.ts'

const reporting = (version: number): string => `export default {
  name: 'reporting',
  async process(input, output) {
    await output.write('version ${version}')
    output.sidecar('report.json', {label: {column: 'größe'}, metrics: {auc: 0.75}, model: {pretrained: {uri: 'gs://m/o#1'}}})
    output.sidecar('model.json', {version: ${version}})
  },
}\n`

test('report and model say what produced them: revision or execution, image, worker version, input', async () => {
  const context = await startLocalPipeline({jobThreshold: '1Ki'})
  const {cloud, pipeline, folder} = context
  const {inputBucket, outputBucket} = pipeline.names
  const worker = await workerFolder('processor.js', reporting(1))
  const {image, service} = await setup({workerFolder: worker}, context)

  const sidecar = async (object: string, name: 'report.json' | 'model.json' | 'job.json') => {
    const stored = await cloud.objects.stat(outputBucket, sidecarObject(object, name))
    if (stored === undefined) throw new Error(`No ${name}`)
    return {metadata: stored.metadata, content: await cloud.objects.readJson(stored)}
  }
  await writeFile(join(folder, 'small.txt'), 'x')
  await writeFile(join(folder, 'large.txt'), 'x'.repeat(2000))
  const sources = ['small.txt', 'large.txt']
  const {uploaded} = await upload(await planUpload({sources, cwd: folder}), {}, context)
  expect(await waitForResults(uploaded, {timeoutMs: 30_000}, context)).toMatchObject({exitCode: 0})

  const input = await cloud.objects.stat(inputBucket, 'small.txt')
  const digest = image.replace(/^.*@/, '')
  const run = {
    date: expect.stringMatching(/^\d{4}-.*Z$/),
    revision: service.latestReadyRevision,
    execution: null,
    image: digest,
    worker: expect.stringMatching(/^\d+\.\d+\.\d+/),
    input: {generation: input?.generation, sizeBytes: 1, crc32c: input?.crc32c},
  }
  const report = await sidecar('small.txt', 'report.json')
  expect(report.content).toMatchObject({metrics: {auc: 0.75}, run})
  const marks = {revision: run.revision, image: digest}
  expect(report.metadata).toMatchObject({
    ...marks,
    'label-column': 'größe',
    auc: '0.75',
    model: 'gs://m/o#1',
  })
  expect(await sidecar('small.txt', 'model.json')).toMatchObject({
    content: {version: 1, run},
    metadata: marks,
  })
  expect((await cloud.objects.stat(outputBucket, 'small.txt'))?.metadata).toMatchObject(marks)

  // The image of the job is known from the request that started the execution.
  const {execution} = (await sidecar('large.txt', 'job.json')).metadata
  const large = await sidecar('large.txt', 'report.json')
  expect(large.content).toMatchObject({run: {revision: null, execution, image: digest}})
  expect(large.metadata).toMatchObject({execution, image: digest})

  await writeFile(join(worker, 'processor.js'), reporting(2))
  const second = await deploy({workerFolder: worker}, context)
  const again = await reprocess(await chooseFiles({objects: ['small.txt']}, context), context)
  expect(await waitForResults(again.notified, {timeoutMs: 30_000}, context)).toMatchObject({exitCode: 0})
  expect(second.image).not.toBe(image)
  expect((await sidecar('small.txt', 'model.json')).content).toMatchObject({
    version: 2,
    run: {revision: second.service.latestReadyRevision, image: second.image.replace(/^.*@/, '')},
  })
})
