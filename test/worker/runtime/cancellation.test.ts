import {expect, it} from 'vitest'
import {sidecarObject} from '../../../worker/contract.ts'
import type {Processor} from '../../../worker/processor.ts'
import {startWorker} from '../../support/running-worker.ts'

const MARK = sidecarObject('a.txt', 'error.json')
const marksOf = (generation: string) => ({'source-generation': generation, cancelled: 'true'})

/** Begins, says so, and never looks at its signal; a file of one letter is copied at once. */
function endless() {
  const begun = Promise.withResolvers<void>()
  const processor: Processor & {signal: AbortSignal | undefined} = {
    name: 'endless',
    signal: undefined,
    async process(input, output, {signal}) {
      this.signal = signal
      if (input.sizeBytes === 1) return output.write('copied')
      begun.resolve()
      await new Promise(() => {})
    },
  }
  return {processor, begun: begun.promise}
}

it('a file in progress that is cancelled is acknowledged, although its process does not look; one letter is done as before', async () => {
  const {processor, begun} = endless()
  await using worker = await startWorker(processor)
  const generation = await worker.upload('a.txt', 'long')
  const answer = worker.deliver('a.txt', generation)
  await begun
  await worker.put(worker.output(MARK), '{}', marksOf(generation))
  expect(await answer).toBe(204)
  expect(processor.signal?.aborted).toBe(true)
  expect(worker.outcomes()).toEqual(['cancelled'])
  expect(await worker.text(worker.output('a.txt'))).toBeUndefined()

  const other = await worker.upload('b.txt', 'x')
  expect(await worker.deliver('b.txt', other)).toBe(204)
  expect(await worker.text(worker.output('b.txt'))).toBe('copied')
})

it('what was cancelled while it waited is acknowledged without work; a later request runs and removes the mark', async () => {
  await using worker = await startWorker(endless().processor)
  const generation = await worker.upload('a.txt', 'x')
  const published = new Date().toISOString()
  await worker.put(worker.output(MARK), '{}', marksOf(generation))
  for (const reprocessId of [undefined, 'asked-before'])
    expect(
      await worker.deliver('a.txt', generation, {
        publishTime: published,
        ...(reprocessId === undefined ? {} : {reprocessId}),
      }),
    ).toBe(204)
  expect(await worker.text(worker.output('a.txt'))).toBeUndefined()

  const later = new Date(Date.now() + 1000).toISOString()
  expect(await worker.deliver('a.txt', generation, {publishTime: later, reprocessId: 'asked'})).toBe(204)
  expect(worker.outcomes()).toEqual(['cancelled', 'cancelled', 'done'])
  expect(await worker.text(worker.output(MARK))).toBeUndefined()
})

it('the cancellation of an older generation does not affect a newer one', async () => {
  await using worker = await startWorker(endless().processor)
  const older = await worker.upload('a.txt', 'long')
  const newer = await worker.upload('a.txt', 'x')
  await worker.put(worker.output(MARK), '{}', marksOf(older))
  expect(await worker.deliver('a.txt', newer)).toBe(204)
  expect(worker.outcomes()).toEqual(['done'])
})
