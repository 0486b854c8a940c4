import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {buffer} from 'node:stream/consumers'
import {expect, test} from 'vitest'
import type {Context} from '../../src/core/ports/context.ts'
import {deploy} from '../../src/core/deploy/deploy.ts'
import {logs} from '../../src/core/logs.ts'
import {chooseFiles, reprocess} from '../../src/core/reprocess.ts'
import {rollback} from '../../src/core/rollback.ts'
import {setup} from '../../src/core/setup/setup.ts'
import {status} from '../../src/core/status.ts'
import {planUpload} from '../../src/core/upload/plan.ts'
import {upload} from '../../src/core/upload/upload.ts'
import {waitForResults} from '../../src/core/files/wait.ts'
import {startLocalPipeline} from '../support/local-pipeline.ts'
import {processFile} from '../support/process-file.ts'
import {capitals, workerFolder} from '../support/worker-folder.ts'

const KIBIBYTE = 1024

async function send(context: Context & {readonly folder: string}, object: string, content: string) {
  await writeFile(join(context.folder, object), content)
  return (await upload(await planUpload({sources: [object], cwd: context.folder}), {}, context)).uploaded
}

test('a large file goes to a job, and comes to the same end: result, lines, status; the job follows the deployments', async () => {
  const context = await startLocalPipeline({jobThreshold: '1Ki'})
  const {cloud, pipeline} = context
  const folder = await workerFolder('processor.js', capitals('one '))
  const made = await setup({workerFolder: folder}, context)
  expect(await cloud.jobs.image('cloud-runner-job')).toBe(made.image)

  const sent = await send(context, 'large.txt', 'x'.repeat(KIBIBYTE))
  const waited = await waitForResults(sent, {timeoutMs: 30_000}, context)
  expect(waited).toMatchObject({exitCode: 0, files: [{object: 'large.txt', state: 'done', attempts: 1}]})
  const mark = await cloud.objects.stat(pipeline.names.outputBucket, '_cloud-runner/large.txt/job.json')
  expect(mark?.metadata).toMatchObject({
    'source-generation': sent[0]?.generation,
    execution: expect.stringMatching(/^cloud-runner-job-\w+$/),
  })
  const outcomes = []
  for await (const {fields} of logs({tail: false, object: 'large.txt'}, context)) {
    if (typeof fields['outcome'] === 'string') outcomes.push(fields['outcome'])
  }
  expect(outcomes.toSorted()).toEqual(['done', 'handed-over'])

  // A second notification of what is done does not start a second execution; a request to do it again does.
  const again = await reprocess(await chooseFiles({objects: ['large.txt']}, context), context)
  expect((await waitForResults(again.notified, {timeoutMs: 30_000}, context)).exitCode).toBe(0)
  const second = await cloud.objects.stat(pipeline.names.outputBucket, '_cloud-runner/large.txt/job.json')
  expect(second?.metadata['execution']).not.toBe(mark?.metadata['execution'])

  await writeFile(join(folder, 'processor.js'), capitals('two '))
  const canary = await deploy({workerFolder: folder, rollout: {kind: 'canary', percent: 10}}, context)
  expect(await cloud.jobs.image('cloud-runner-job')).toBe(made.image)
  const all = await deploy({workerFolder: folder}, context)
  expect([canary.image, await cloud.jobs.image('cloud-runner-job')]).toEqual([all.image, all.image])
  await rollback({revision: made.service.latestReadyRevision}, context)
  expect(await cloud.jobs.image('cloud-runner-job')).toBe(made.image)
})

test('a job of several tasks writes the result that a delivery would', {timeout: 60_000}, async () => {
  const context = await startLocalPipeline({jobThreshold: '512Ki', jobTasks: 3})
  const {cloud, pipeline} = context
  await setup({workerFolder: undefined}, context)
  const rows = Array.from(
    {length: 60_000},
    (_, i) => `${i % 7},${(i * 31) % 17},"a\n${i % 3}",${i % 5 === 0 ? '' : i % 2}`,
  )
  const content = `a,b,c,y\n${rows.join('\n')}\n`
  const sent = await send(context, 'long.csv', content)
  expect(await waitForResults(sent, {timeoutMs: 50_000}, context)).toMatchObject({
    exitCode: 0,
    files: [{object: 'long.csv', state: 'done', attempts: 1}],
  })
  expect(await cloud.jobs.since('cloud-runner-job', new Date(0).toISOString())).toMatchObject([{tasks: 3}])
  const {bytes} = await processFile(content)
  const {outputBucket} = pipeline.names
  const {generation = ''} = (await cloud.objects.stat(outputBucket, 'long.csv')) ?? {}
  const {signal} = context
  const written = await cloud.objects.read(outputBucket, 'long.csv', {generation, signal})
  expect((await buffer(written)).equals(bytes)).toBe(true)
  const lines = []
  for await (const {message} of logs({tail: false, object: 'long.csv'}, context)) lines.push(message)
  expect(lines).toEqual(expect.arrayContaining(['Writing the result in 3 parts', 'done']))
})

/** Takes longer than the delivery of a service may, and fails in the job where the file says so. */
const SLOW = `export default {
  name: 'slow',
  async process(input, output, {signal, environment}) {
    let text = ''
    for await (const chunk of await input.open()) text += chunk
    const isJob = environment.CLOUD_RUN_JOB !== undefined
    if (isJob && text === 'fail') throw new Error('the disk is on fire')
    if (isJob && text !== 'hang') return output.write(text)
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  },
}\n`

test('a file that outlasts its delivery continues as a job; status reports what the job does, and that it gave up', async () => {
  const context = await startLocalPipeline({requestTimeout: '2s', ackDeadline: '10s'})
  await setup({workerFolder: await workerFolder('processor.js', SLOW)}, context)
  const [hanging, ...others] = await Promise.all(
    ['hang', 'long', 'fail'].map((name) => send(context, `${name}.txt`, name)),
  )
  const ended = await waitForResults(others.flat(), {timeoutMs: 40_000}, context)
  expect(ended).toMatchObject({
    exitCode: 3,
    files: [
      {object: 'long.txt', state: 'done', attempts: 1},
      {
        object: 'fail.txt',
        state: 'failed',
        error: {
          code: 'job-failed',
          suggestions: [expect.anything(), 'Try it again: cloud-runner reprocess fail.txt'],
        },
      },
    ],
  })

  const look = async () => (await status({objects: ['hang.txt'], limit: 1}, context)).files[0]
  await expect.poll(async () => (await look())?.job, {timeout: 20_000}).toBeDefined()
  expect(await look()).toMatchObject({
    generation: hanging?.[0]?.generation,
    state: 'running',
    job: {execution: expect.stringMatching(/^cloud-runner-job-/), reason: 'not done within its delivery'},
  })
})
