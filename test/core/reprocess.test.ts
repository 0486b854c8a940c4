import {expect, test} from 'vitest'
import {chooseFiles, reprocess} from '../../src/core/reprocess.ts'
import {deploy} from '../../src/core/deploy/deploy.ts'
import {planRedrive} from '../../src/core/redrive.ts'
import {setup} from '../../src/core/setup/setup.ts'
import {status} from '../../src/core/status.ts'
import {waitForResults} from '../../src/core/files/wait.ts'
import {startLocalPipeline} from '../support/local-pipeline.ts'
import {putUnnoticed} from '../support/unnoticed-uploads.ts'
import {capitals, workerFolder} from '../support/worker-folder.ts'

test('a file whose event was lost waits, and is processed after a new notification; a done one only if named', async () => {
  const context = await startLocalPipeline()
  const {cloud, pipeline} = context
  await putUnnoticed(context, ['lost.txt', 'done.txt'])
  const folder = await workerFolder('processor.js', capitals('one '))
  await setup({workerFolder: folder}, context)
  expect((await status({objects: ['lost.txt'], limit: 9}, context)).files).toMatchObject([
    {state: 'waiting', attempts: 0},
  ])
  const missing = await chooseFiles({failed: false, missing: true}, context)
  expect(missing.map(({object}) => object).toSorted()).toEqual(['done.txt', 'lost.txt'])
  const sent = await reprocess(missing, context)
  expect((await waitForResults(sent.notified, {timeoutMs: 30_000}, context)).exitCode).toBe(0)
  expect(await chooseFiles({failed: true, missing: true}, context)).toEqual([])

  const before = await cloud.objects.stat(pipeline.names.outputBucket, 'done.txt')
  const again = await reprocess(await chooseFiles({objects: ['done.txt', 'done.txt']}, context), context)
  expect(again.notified).toHaveLength(1)
  const waited = await waitForResults(again.notified, {timeoutMs: 30_000}, context)
  expect(waited).toMatchObject({exitCode: 0, files: [{state: 'done'}]})
  const after = await cloud.objects.stat(pipeline.names.outputBucket, 'done.txt')
  expect(after?.generation).not.toBe(before?.generation)
  expect(after?.metadata).toMatchObject({
    'reprocess-id': again.notified[0]?.reprocessId,
    'source-generation': before?.metadata['source-generation'],
  })
  await expect(chooseFiles({objects: ['nowhere.txt']}, context)).rejects.toMatchObject({
    code: 'object-unknown',
  })
})

test('an archived file whose name was taken in the meantime does not stop the others', async () => {
  const context = await startLocalPipeline({afterwards: 'archive'})
  const {cloud, pipeline} = context
  const {inputBucket} = pipeline.names
  const names = ['a.txt', 'b.txt', 'c.txt']
  await setup({workerFolder: await workerFolder('processor.js', capitals(''))}, context)
  await putUnnoticed(context, names)
  const missing = await reprocess(await chooseFiles({failed: false, missing: true}, context), context)
  expect((await waitForResults(missing.notified, {timeoutMs: 30_000}, context)).exitCode).toBe(0)
  const stateOf = async () =>
    (await status({objects: names, limit: 9}, context)).files.map(({input}) => input)
  await expect.poll(stateOf, {timeout: 10_000}).toEqual(['archived', 'archived', 'archived'])

  const chosen = await chooseFiles({objects: names}, context)
  await putUnnoticed(context, ['b.txt'])
  // It appears right after the look for it.
  const stat: typeof cloud.objects.stat = async (bucket, name, generation) =>
    bucket === inputBucket && name === 'b.txt' ? undefined : cloud.objects.stat(bucket, name, generation)
  const racing = {...context, cloud: {...cloud, objects: {...cloud.objects, stat}}}
  const sent = await reprocess(chosen, racing)
  expect(sent).toMatchObject({gone: [], replaced: ['b.txt']})
  expect(sent.notified.map(({object}) => object).toSorted()).toEqual(['a.txt', 'c.txt'])
  expect((await waitForResults(sent.notified, {timeoutMs: 30_000}, context)).exitCode).toBe(0)
})

/** Throws this for each file. */
const throwing = (error: string) => `import {PermanentError} from 'cloud-runner/worker'
  export default {
    name: 'throwing',
    async process() {
      throw ${error}
    },
  }\n`

test('a failed file that a new revision refuses shows that, and not the error from before', async () => {
  const context = await startLocalPipeline({minimumBackoff: '1s', maximumBackoff: '1s'})
  const look = async () => {
    const {files, counts} = await status({objects: [], limit: 9}, context)
    return [files[0], counts] as const
  }
  await putUnnoticed(context, ['a.txt'])
  const first = await workerFolder('processor.js', throwing(`new PermanentError('no a', {code: 'no'})`))
  await setup({workerFolder: first}, context)
  const sent = await reprocess(await chooseFiles({failed: false, missing: true}, context), context)
  expect((await waitForResults(sent.notified, {timeoutMs: 30_000}, context)).exitCode).toBe(3)
  expect(await look()).toMatchObject([{state: 'failed', error: {code: 'no'}}, {failed: 1}])

  const second = await workerFolder('processor.js', throwing(`new Error('not now')`))
  await deploy({workerFolder: second}, context)
  await reprocess(await chooseFiles({failed: true, missing: false}, context), context)
  const refused = {attempts: expect.any(Number), lastError: {message: 'not now'}}
  await expect.poll(look).toMatchObject([
    {state: 'waiting', ...refused},
    {failed: 0, waiting: 1},
  ])
  const [open] = await look()
  expect(open?.error).toBeUndefined()
  expect(await chooseFiles({failed: true, missing: false}, context)).toEqual([])
  await expect.poll(look, {timeout: 30_000}).toMatchObject([
    {state: 'dead', ...refused, attempts: 5},
    {failed: 0, dead: 1},
  ])
  expect(await planRedrive([], context)).toEqual(['a.txt'])
}, 60_000)
