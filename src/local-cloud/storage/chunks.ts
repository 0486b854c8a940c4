import type {Readable} from 'node:stream'
import {StorageError} from './errors.ts'

/**
 * The chunks of a request's body.
 * @throws StorageError 400 where the connection breaks before its end
 */
export async function* chunksOf(stream: Readable): AsyncGenerator<Buffer> {
  const chunks: AsyncIterator<unknown> = stream[Symbol.asyncIterator]()
  try {
    for (;;) {
      const {done, value} = await chunks.next().catch(() => {
        throw new StorageError(400, 'badRequest', 'The connection broke before the end of the upload.')
      })
      if (done === true) return
      if (!Buffer.isBuffer(value)) throw new TypeError('the body of a request is not bytes')
      yield value
    }
  } finally {
    await chunks.return?.()
  }
}
