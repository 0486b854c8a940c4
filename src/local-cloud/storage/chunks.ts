import type {Readable} from 'node:stream'
import {ApiError} from '../wire/api-error.ts'
import {StorageError} from './errors.ts'

/**
 * The chunks of a request's body.
 * @throws StorageError 400 if the connection breaks before its end
 */
export async function* chunksOf(stream: Readable): AsyncGenerator<Buffer> {
  // A reader that stops does not end the connection: its answer has still to go out.
  const chunks: AsyncIterator<unknown> = stream.iterator({destroyOnReturn: false})
  try {
    for (;;) {
      const {done, value} = await chunks.next().catch((error: unknown) => {
        if (error instanceof ApiError) throw error
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
