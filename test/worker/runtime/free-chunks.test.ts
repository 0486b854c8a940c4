import {expect, it} from 'vitest'
import type {Processor} from '../../../worker/processor.ts'
import {startWorker} from '../../support/running-worker.ts'

/** Lines of 16 bytes in a mebibyte. */
const LINES = 65_536

/** Copies a file twice, and frees each chunk. */
function copyTwice(left: number[]): Processor {
  return {
    name: 'copy twice',
    async process(input, output) {
      for (let time = 0; time < 2; time++) {
        const stream = await input.open()
        for await (const chunk of stream) {
          await output.write(chunk)
          stream.free?.(chunk)
          left.push(chunk.length)
        }
      }
    },
  }
}

it.each([
  ['a file that is kept in memory', 4],
  ['a large file', 20],
])('the chunks of %s are freed when its process says so, and its later reads are whole', async (_, size) => {
  const left: number[] = []
  await using worker = await startWorker(copyTwice(left))
  const content = Buffer.from(
    Array.from({length: size * LINES}, (__, i) => `${String(i).padStart(15)}\n`).join(''),
  )
  const file = worker.input('a.csv')
  await file.save(content, {resumable: false})
  expect(await worker.deliver('a.csv', String(file.metadata.generation))).toBe(204)
  expect(Math.max(...left)).toBe(0)
  expect(await worker.text(worker.output('a.csv'))).toBe(String(content).repeat(2))
})
