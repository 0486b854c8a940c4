import {Readable} from 'node:stream'
import {ApiError} from '../wire/api-error.ts'
import {StorageError} from './errors.ts'

/** Takes a chunk, and its memory; the promise, if it returns one, says when it takes the next. */
export type TakeChunk = (chunk: Buffer) => Promise<void> | undefined

/**
 * Hands a body over as it arrives: that of a request, for which an iterator costs more than all else that is done with a
 * chunk, or what was cut out of one.
 * @throws StorageError 400 if the connection breaks before its end; what `take` throws
 */
export async function takeChunks(body: Readable | AsyncIterable<Buffer>, take: TakeChunk): Promise<void> {
  if (body instanceof Readable) await takeBody(body, take)
  else for await (const chunk of body) await take(chunk)
}

function takeBody(stream: Readable, take: TakeChunk): Promise<void> {
  const {promise, resolve, reject} = Promise.withResolvers<void>()
  let taking: Promise<void> | undefined
  const fail = (reason: unknown): void => {
    // The connection stays as it is: an answer has still to go out.
    stream.off('data', onData).off('end', onEnd).off('close', onClose).pause()
    const end = (): void => reject(reason instanceof Error ? reason : new Error(String(reason)))
    // What is being taken is taken, so that the caller can give it up.
    if (taking === undefined) end()
    else taking.then(end, end)
  }
  const onData = (chunk: Buffer): void => {
    try {
      taking = take(chunk)
    } catch (error) {
      fail(error)
      return
    }
    if (taking === undefined) return
    stream.pause()
    taking.then(() => stream.resume(), fail)
  }
  const onEnd = (): void => resolve(taking)
  const onClose = (): void => fail(broken())
  if (stream.destroyed || stream.readableEnded) {
    if (stream.readableEnded) resolve()
    else reject(broken())
    return promise
  }
  stream.on('data', onData).once('end', onEnd).once('close', onClose)
  stream.on('error', (error) => fail(error instanceof ApiError ? error : broken()))
  return promise
}

const broken = (): StorageError =>
  new StorageError(400, 'badRequest', 'The connection broke before the end of the upload.')

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
        throw broken()
      })
      if (done === true) return
      if (!Buffer.isBuffer(value)) throw new TypeError('the body of a request is not bytes')
      yield value
    }
  } finally {
    await chunks.return?.()
  }
}
