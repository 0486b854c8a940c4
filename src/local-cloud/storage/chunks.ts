import type {Readable} from 'node:stream'

/** The chunks of a request's body. */
export async function* chunksOf(stream: Readable): AsyncGenerator<Buffer> {
  for await (const chunk of stream) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('the body of a request is not bytes')
    yield chunk
  }
}
