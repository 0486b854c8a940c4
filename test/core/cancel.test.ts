import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {cancel, planCancel} from '../../src/core/cancel.ts'
import {showDeploy} from '../../src/cli/show-deploy.ts'
import {type Context} from '../../src/core/ports/context.ts'
import {deploy, promote} from '../../src/core/deploy/deploy.ts'
import {logs} from '../../src/core/logs.ts'
import {chooseFiles, reprocess} from '../../src/core/reprocess.ts'
import {rollback} from '../../src/core/rollback.ts'
import {setup} from '../../src/core/setup/setup.ts'
import {status} from '../../src/core/status.ts'
import {planUpload} from '../../src/core/upload/plan.ts'
import {upload} from '../../src/core/upload/upload.ts'
import {readRuns} from '../../src/core/history/runs.ts'
import {waitForResults} from '../../src/core/files/wait.ts'
import {startLocalPipeline} from '../support/local-pipeline.ts'
import {capitals, workerFolder} from '../support/worker-folder.ts'
import {render} from '../../src/core/suggestion.ts'

/** Copies a file; one that begins with "hang" never ends, and the process does not look at its signal. */
const HANGING = `export default {
  name: 'hanging',
  async process(input, output) {
    let text = ''
    for await (const chunk of await input.open()) text += chunk
    if (text.startsWith('hang')) await new Promise((resolve) => setTimeout(resolve, 600_000))
    await output.write(text)
  },
}\n`

async function start(flags: Parameters<typeof startLocalPipeline>[0] = {}) {
  const context = await startLocalPipeline({maxInstances: 1, ...flags})
  await setup({workerFolder: await workerFolder('processor.js', HANGING)}, context)
  return context
}

async function send(context: Context & {readonly folder: string}, object: string, content: string) {
  await writeFile(join(context.folder, object), content)
  return (await upload(await planUpload({sources: [object], cwd: context.folder}), {}, context)).uploaded
}

const fileOf = async (object: string, context: Context) =>
  (await status({objects: [object], limit: 1}, context)).files[0]

async function outcomesOf(object: string, context: Context): Promise<unknown[]> {
  const outcomes = []
  for await (const {fields} of logs({tail: false, object}, context)) outcomes.push(fields['outcome'])
  return outcomes.filter((outcome) => outcome !== undefined)
}

const CANCELLED = {state: 'failed', error: {code: 'cancelled'}}
const wait = {timeoutMs: 30_000}

test('a file in progress and one that waits behind it are cancelled, and those after them are done; reprocess runs them again', async () => {
  const context = await start()
  const running = await send(context, 'running.txt', 'hang')
  await expect
    .poll(async () => (await fileOf('running.txt', context))?.state, {timeout: 10_000})
    .toBe('running')
  const waiting = await send(context, 'waiting.txt', 'hang too')

  const stopped = await cancel(['running.txt', 'waiting.txt'], context)
  expect(stopped).toMatchObject({
    cancelled: expect.arrayContaining([
      expect.objectContaining({object: 'running.txt', state: 'running'}),
      expect.objectContaining({object: 'waiting.txt', state: 'waiting'}),
    ]),
    ended: [],
  })
  for (const object of ['running.txt', 'waiting.txt'])
    expect(await fileOf(object, context)).toMatchObject({
      ...CANCELLED,
      error: {code: 'cancelled', suggestions: [`Process it again: cloud-runner reprocess ${object}`]},
    })
  expect(await waitForResults([...running, ...waiting], wait, context)).toMatchObject({exitCode: 3})

  const after = await send(context, 'after.txt', 'good')
  expect(await waitForResults(after, wait, context)).toMatchObject({exitCode: 0})
  for (const object of ['running.txt', 'waiting.txt'])
    await expect.poll(() => outcomesOf(object, context), {timeout: 20_000}).toEqual(['cancelled'])

  // What is asked for again runs again, and can be cancelled again.
  const again = await reprocess(await chooseFiles({objects: ['running.txt']}, context), context)
  const waited = waitForResults(again.notified, wait, context)
  await expect
    .poll(async () => (await fileOf('running.txt', context))?.state, {timeout: 10_000})
    .toBe('running')
  expect(await cancel(['running.txt'], context)).toMatchObject({
    cancelled: [{object: 'running.txt', state: 'running'}],
    ended: [],
  })
  expect(await fileOf('running.txt', context)).toMatchObject(CANCELLED)
  expect(await waited).toMatchObject({exitCode: 3, files: [CANCELLED]})
  await expect
    .poll(() => outcomesOf('running.txt', context), {timeout: 20_000})
    .toEqual(['cancelled', 'cancelled'])
})

test('a failed file that was requested again waits until it is delivered, and can be cancelled again', async () => {
  const context = await start()
  await send(context, 'running.txt', 'hang')
  await expect
    .poll(async () => (await fileOf('running.txt', context))?.state, {timeout: 10_000})
    .toBe('running')
  await send(context, 'again.txt', 'good')
  await cancel(['again.txt'], context)
  expect(await fileOf('again.txt', context)).toMatchObject(CANCELLED)

  const chosen = await chooseFiles({failed: true, missing: false}, context)
  expect(chosen).toEqual([{object: 'again.txt', isMissing: false}])
  const sent = await reprocess(chosen, context)
  const waiting = await fileOf('again.txt', context)
  expect(waiting).toMatchObject({state: 'waiting', attempts: 0})
  expect(waiting).not.toHaveProperty('error')
  expect((await status({objects: [], limit: 9}, context)).counts).toMatchObject({waiting: 1, failed: 0})
  expect(await chooseFiles({failed: true, missing: false}, context)).toEqual([])

  expect(await planCancel(['*.txt'], context)).toContain('again.txt')
  expect(await cancel(['again.txt'], context)).toMatchObject({
    cancelled: [{object: 'again.txt', state: 'waiting'}],
    ended: [],
  })
  expect(await fileOf('again.txt', context)).toMatchObject(CANCELLED)
  expect(await waitForResults(sent.notified, wait, context)).toMatchObject({exitCode: 3, files: [CANCELLED]})

  // A third request is done once its turn comes.
  const third = await reprocess(await chooseFiles({objects: ['again.txt']}, context), context)
  expect(await fileOf('again.txt', context)).toMatchObject({state: 'waiting'})
  await cancel(['running.txt'], context)
  expect(await waitForResults(third.notified, wait, context)).toMatchObject({exitCode: 0})
  expect(await fileOf('again.txt', context)).toMatchObject({state: 'done'})
})

test('a cancelled file that is requested again and fails has its attempts and their error', async () => {
  const context = await startLocalPipeline({maxInstances: 1, minimumBackoff: '600s', maximumBackoff: '600s'})
  const failing = `export default {name: 'failing', async process() { throw new Error('not now') }}\n`
  await setup({workerFolder: await workerFolder('processor.js', failing)}, context)
  await send(context, 'a.txt', 'good')
  const look = () => fileOf('a.txt', context)
  const refused = {state: 'waiting', attempts: 1, lastError: {message: 'not now'}}
  await expect.poll(look, {timeout: 10_000}).toMatchObject(refused)
  await cancel(['a.txt'], context)
  expect(await look()).toMatchObject(CANCELLED)
  await reprocess(await chooseFiles({objects: ['a.txt']}, context), context)
  await expect.poll(look, {timeout: 10_000}).toMatchObject(refused)
})

test('a result stays if its reprocessing is cancelled', async () => {
  const context = await start()
  expect((await waitForResults(await send(context, 'done.txt', 'good'), wait, context)).exitCode).toBe(0)
  await send(context, 'running.txt', 'hang')
  await expect
    .poll(async () => (await fileOf('running.txt', context))?.state, {timeout: 10_000})
    .toBe('running')
  const again = await reprocess(await chooseFiles({objects: ['done.txt']}, context), context)
  expect(await cancel(['done.txt'], context)).toMatchObject({
    cancelled: [],
    ended: [{object: 'done.txt', state: 'done'}],
  })
  expect(await waitForResults(again.notified, wait, context)).toMatchObject({exitCode: 3, files: [CANCELLED]})
  expect(await fileOf('done.txt', context)).toMatchObject({state: 'done'})
  await cancel(['running.txt'], context)
  await expect.poll(() => outcomesOf('done.txt', context), {timeout: 20_000}).toEqual(['done', 'cancelled'])
  // The cancelled request never ran.
  expect(await readRuns('done.txt', context)).toMatchObject([{number: 1, outcome: 'done'}])
  expect(await readRuns('running.txt', context)).toMatchObject([{number: 1, outcome: 'cancelled'}])
  const third = await reprocess(await chooseFiles({objects: ['done.txt']}, context), context)
  expect(await waitForResults(third.notified, wait, context)).toMatchObject({exitCode: 0})
})

test('the execution of a file that a job has is cancelled with it', async () => {
  const context = await start({jobThreshold: '1Ki'})
  const {cloud, pipeline} = context
  await send(context, 'large.txt', 'hang'.padEnd(1024, '.'))
  await expect.poll(async () => (await fileOf('large.txt', context))?.job, {timeout: 20_000}).toBeDefined()
  const [running] = await cloud.jobs.running(pipeline.names.job)
  expect(running?.environment['DELIVERY']).toContain('"large.txt"')

  expect(await cancel(['large.txt'], context)).toMatchObject({
    cancelled: [{object: 'large.txt', state: 'running', execution: running?.name}],
  })
  await expect.poll(() => cloud.jobs.running(pipeline.names.job), {timeout: 20_000}).toEqual([])
  expect(await cloud.jobs.cancel(pipeline.names.job, running?.name ?? '')).toBe(false)
  expect(await fileOf('large.txt', context)).toMatchObject(CANCELLED)
})

test('what a replaced image still processes is listed by deploy and rollback until it is cancelled', async () => {
  const context = await start({jobThreshold: '1Ki', maxInstances: 2})
  const {cloud, pipeline} = context
  await Promise.all([
    send(context, 'large.txt', 'hang'.padEnd(1024, '.')),
    send(context, 'small.txt', 'hang'),
  ])
  await expect.poll(async () => (await fileOf('large.txt', context))?.job, {timeout: 20_000}).toBeDefined()
  await expect
    .poll(async () => (await fileOf('small.txt', context))?.state, {timeout: 20_000})
    .toBe('running')
  const [running] = await cloud.jobs.running(pipeline.names.job)

  const other = await workerFolder('processor.js', capitals('new '))
  const canary = {kind: 'canary', percent: 10} as const
  expect((await deploy({workerFolder: other, rollout: canary}, context)).stillRunning).toEqual([])
  const {stillRunning, previousRevision} = await promote(context)
  expect(stillRunning).toEqual([
    {object: 'large.txt', execution: running?.name},
    {object: 'small.txt', revision: previousRevision},
  ])
  const result = await deploy({workerFolder: other}, context)
  expect(result.stillRunning).toEqual(stillRunning)
  expect(showDeploy(result, render).join('\n')).toMatch(
    /still processing 2 files:\n +cloud-runner cancel large\.txt +stops job [\w-]+\n +cloud-runner cancel small\.txt /,
  )

  await cancel(['large.txt', 'small.txt'], context)
  await expect
    .poll(async () => (await deploy({workerFolder: other}, context)).stillRunning, {timeout: 20_000})
    .toEqual([])
  expect((await rollback({revision: previousRevision}, context)).stillRunning).toEqual([])
}, 60_000)

test('a missing object is named; one that is deleted after it was chosen stops no other', async () => {
  const context = await start()
  await expect(planCancel(['other.txt'], context)).rejects.toMatchObject({code: 'object-unknown'})
  await send(context, 'running.txt', 'hang')
  await expect
    .poll(async () => (await fileOf('running.txt', context))?.state, {timeout: 10_000})
    .toBe('running')
  expect(await cancel(['other.txt', 'running.txt'], context)).toMatchObject({
    cancelled: [{object: 'running.txt'}],
    gone: ['other.txt'],
  })
})
