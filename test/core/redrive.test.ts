import {expect, test} from 'vitest'
import {showRedriven} from '../../src/cli/show-requeued.ts'
import {reprocess} from '../../src/core/reprocess.ts'
import {planRedrive, redrive} from '../../src/core/redrive.ts'
import {setup} from '../../src/core/setup/setup.ts'
import {status} from '../../src/core/status.ts'
import {waitForResults} from '../../src/core/files/wait.ts'
import {deadLetter} from '../support/dead-letter.ts'
import {startLocalPipeline} from '../support/local-pipeline.ts'
import {putUnnoticed} from '../support/unnoticed-uploads.ts'
import {capitals, workerFolder} from '../support/worker-folder.ts'

test('dead letters go back and are done, by object or all; one of a deleted file is removed', async () => {
  const context = await startLocalPipeline()
  const {cloud, pipeline, signal} = context
  await expect(planRedrive([], context)).rejects.toMatchObject({code: 'not-set-up'})
  const [first, second, third] = await putUnnoticed(context, ['a.txt', 'b.txt', 'gone.txt'])
  await setup({workerFolder: await workerFolder('processor.js', capitals(''))}, context)
  for (const object of [first, second, second, third]) await deadLetter(context, object)
  await cloud.objects.delete(pipeline.names.inputBucket, 'gone.txt')

  expect((await status({objects: [], limit: 9}, context)).counts).toMatchObject({dead: 2, waiting: 0})
  await expect(planRedrive(['a.txt', 'other.txt'], context)).rejects.toMatchObject({
    code: 'object-unknown',
    message: 'No dead letter for other.txt.',
  })

  const one = await redrive(await planRedrive(['a.txt'], context), context)
  expect(one).toMatchObject({redriven: [{object: 'a.txt', generation: first.generation}], gone: []})
  expect(await waitForResults(one.redriven, {timeoutMs: 30_000}, context)).toMatchObject({
    exitCode: 0,
    files: [{object: 'a.txt', state: 'done', attempts: 1}],
  })

  const all = await planRedrive([], context)
  expect(all.toSorted()).toEqual(['b.txt', 'gone.txt'])
  const rest = await redrive(all, context)
  expect(rest).toMatchObject({redriven: [{object: 'b.txt'}], gone: [{object: 'gone.txt'}]})
  expect((await waitForResults(rest.redriven, {timeoutMs: 30_000}, context)).exitCode).toBe(0)
  expect(await planRedrive([], context)).toEqual([])
  expect(await redrive([], context)).toEqual({redriven: [], gone: []})
  expect(await cloud.messages.peek(pipeline.names.deadLetterSubscription, {limit: 10, signal})).toEqual([])
})

test('a dead letter of a file that has its result and left the bucket says where the input went', async () => {
  const context = await startLocalPipeline({afterwards: 'archive'})
  const {cloud, pipeline, signal} = context
  const [object] = await putUnnoticed(context, ['a.txt'])
  await setup({workerFolder: await workerFolder('processor.js', capitals(''))}, context)
  const {notified} = await reprocess([{object: 'a.txt', isMissing: true}], context)
  expect((await waitForResults(notified, {timeoutMs: 30_000}, context)).exitCode).toBe(0)
  await expect.poll(() => cloud.objects.stat(pipeline.names.inputBucket, 'a.txt')).toBeUndefined()
  await deadLetter(context, object)
  const {generation} = object
  const redriven = await redrive(await planRedrive([], context), context)
  expect(redriven).toEqual({redriven: [], gone: [{object: 'a.txt', generation, input: 'archived'}]})
  expect(showRedriven(redriven)[1]).toContain('its input was archived')
  expect(await cloud.messages.peek(pipeline.names.deadLetterSubscription, {limit: 10, signal})).toEqual([])
})

test('a letter whose notification cannot be published stays a letter', async () => {
  const context = await startLocalPipeline()
  const {cloud, pipeline} = context
  const [object] = await putUnnoticed(context, ['a.txt'])
  await deadLetter(context, object)
  const names = {...pipeline.names, topic: 'no-such-topic'}
  await expect(redrive(['a.txt'], {...context, pipeline: {...pipeline, names}})).rejects.toMatchObject({
    code: 'not-found',
    message: expect.stringContaining('no-such-topic'),
  })
  expect(await planRedrive([], context)).toEqual(['a.txt'])
  const interrupted = new AbortController()
  interrupted.abort(new Error('enough'))
  await expect(redrive(['a.txt'], {...context, signal: interrupted.signal})).rejects.toThrow('enough')
  expect(await planRedrive([], context)).toEqual(['a.txt'])
  expect(
    (await cloud.messages.peek(pipeline.names.deadLetterSubscription, {limit: 9, signal: context.signal}))
      .length,
  ).toBe(1)
})
