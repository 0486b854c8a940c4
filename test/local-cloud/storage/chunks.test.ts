import {PassThrough} from 'node:stream'
import {setImmediate as nextTurn} from 'node:timers/promises'
import {expect, test} from 'vitest'
import {takeChunks} from '../../../src/local-cloud/storage/chunks.ts'

test('a body that breaks off fails once what is being taken of it is taken', async () => {
  const body = new PassThrough()
  const {promise, resolve} = Promise.withResolvers<void>()
  const events: string[] = []
  const taking = takeChunks(body, () => promise.then(() => void events.push('taken')))
  const failing = taking.catch(() => events.push('failed'))
  body.write('a')
  await nextTurn()
  body.destroy()
  await nextTurn()
  resolve()
  await failing
  expect(events).toEqual(['taken', 'failed'])
})
