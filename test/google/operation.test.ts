import {EventEmitter} from 'node:events'
import {expect, test} from 'vitest'
import {followed} from '../../src/google/operation.ts'

/** An operation that is asked after as long as somebody listens, as those of the client libraries are. */
class Endless extends EventEmitter {
  readonly name = 'operations/1'
  promise(): Promise<unknown> {
    return new Promise((resolve) => this.on('complete', resolve))
  }
}

test('an operation that never ends times out and is no longer polled', async () => {
  const operation = new Endless()
  await expect(followed(operation, new AbortController().signal, 10)).rejects.toMatchObject({
    code: 'timeout',
    message: expect.stringContaining('operations/1'),
  })
  expect(operation.listenerCount('complete')).toBe(0)
})

test('an interruption ends the wait at once, also one that came before', async () => {
  const interrupted = new AbortController()
  const operation = new Endless()
  const waiting = followed(operation, interrupted.signal)
  interrupted.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  await expect(followed(new Endless(), interrupted.signal)).rejects.toThrow('enough')
  expect(operation.listenerCount('complete')).toBe(0)
})
