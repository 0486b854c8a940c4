import {expect, it} from 'vitest'
import type {Processor} from '../../../worker/processor.ts'
import {startWorker} from '../../support/running-worker.ts'
import {startBuckets} from '../../support/worker-buckets.ts'

const copying: Processor = {
  name: 'copying',
  async process(input, output) {
    for await (const chunk of await input.open()) await output.write(chunk)
  },
}

const start = async (afterwards: string, role = 'roles/storage.objectUser') =>
  startWorker(copying, {AFTERWARDS: afterwards}, await startBuckets(role))

it('archives an input with its metadata, marked, once its result exists', async () => {
  await using worker = await start('archive')
  const generation = await worker.upload('dir/ä.txt', 'hello', {owner: 'me'})
  expect(await worker.deliver('dir/ä.txt', generation)).toBe(204)
  expect(await worker.text(worker.output('dir/ä.txt'))).toBe('hello')
  expect(await worker.metadataOf(worker.output('dir/ä.txt'))).toMatchObject({'source-size': '5'})
  expect(await worker.text(worker.input('dir/ä.txt'))).toBeUndefined()
  const copy = worker.input('archive/dir/ä.txt')
  expect(await worker.text(copy)).toBe('hello')
  expect(await worker.metadataOf(copy)).toEqual({owner: 'me', 'source-generation': generation})
  expect(copy.metadata.contentType).toBe('text/plain')
  expect(worker.lines.at(-1)).toMatchObject({outcome: 'done', input: 'archived'})

  expect(await worker.deliver('archive/dir/ä.txt', String(copy.metadata.generation))).toBe(204)
  expect(worker.lines.at(-1)).toMatchObject({outcome: 'skipped'})
  expect(await worker.deliver('dir/ä.txt', generation)).toBe(204)
  expect(worker.outcomes()).toEqual(['done', 'skipped', 'duplicate'])
})

it('completes, at the next delivery, what a failure or a crash left after the result', async () => {
  await using worker = await start('archive')
  const generation = await worker.upload('a', 'x')
  worker.proxy.fails = (_, url) => url.pathname.includes('/rewriteTo/')
  expect(await worker.deliver('a', generation)).toBe(503)
  expect(await worker.text(worker.output('a'))).toBe('x')
  expect(await worker.text(worker.input('a'))).toBe('x')
  worker.proxy.fails = () => false
  expect(await worker.deliver('a', generation)).toBe(204)
  expect(worker.lines.at(-1)).toMatchObject({outcome: 'duplicate', input: 'archived'})
  expect(await worker.text(worker.input('a'))).toBeUndefined()
})

it('deletes that generation alone: a newer upload of the name stays', async () => {
  await using worker = await start('delete')
  const first = await worker.upload('a', 'x')
  expect(await worker.deliver('a', first)).toBe(204)
  expect(await worker.text(worker.input('a'))).toBeUndefined()
  await worker.upload('a', 'newer')
  expect(await worker.deliver('a', first)).toBe(204)
  expect(await worker.text(worker.input('a'))).toBe('newer')
})

it('does not overwrite an object that somebody else put into the archive', async () => {
  await using worker = await start('archive')
  await worker.upload('archive/a', 'theirs')
  expect(await worker.deliver('a', await worker.upload('a', 'x'))).toBe(204)
  expect(await worker.text(worker.input('archive/a'))).toBe('theirs')
  expect(await worker.text(worker.input('a'))).toBe('x')
  expect(worker.lines.map(({message}) => message).join()).toContain('not archived: archive/a exists')
})

it('keeps the result, and says why, if it may not remove the input', async () => {
  await using worker = await start('delete', 'roles/storage.objectViewer')
  expect(await worker.deliver('a', await worker.upload('a', 'x'))).toBe(204)
  expect(await worker.text(worker.output('a'))).toBe('x')
  expect(worker.lines).toContainEqual(
    expect.objectContaining({
      severity: 'ERROR',
      message: expect.stringContaining('the input could not be deleted'),
    }),
  )
})
