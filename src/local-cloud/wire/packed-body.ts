import type {IncomingHttpHeaders} from 'node:http'
import {pipeline, Readable} from 'node:stream'
import {ApiError} from './api-error.ts'

/**
 * A request's body as its sender meant it: `Content-Encoding: gzip` is how it travels, which Google's clients for Java
 * and .NET do by default, and then the length in the headers is not that of the body.
 * The stream rejects with ApiError INVALID_ARGUMENT if it is not gzip.
 */
export function unpackBody(
  headers: IncomingHttpHeaders,
  stream: Readable,
): {headers: IncomingHttpHeaders; stream: Readable} {
  if (headers['content-encoding']?.trim().toLowerCase() !== 'gzip') return {headers, stream}
  const {'content-encoding': _encoding, 'content-length': _length, ...others} = headers
  return {headers: others, stream: Readable.from(unpacked(stream), {objectMode: false})}
}

async function* unpacked(stream: Readable): AsyncGenerator<Buffer> {
  let broken: unknown
  const {createGunzip} = await import('node:zlib')
  const gunzip = createGunzip()
  stream.once('error', (error) => (broken = error))
  pipeline(stream, gunzip, () => undefined)
  try {
    for await (const chunk of gunzip) yield Buffer.from(chunk)
  } catch (error) {
    if (broken !== undefined || !stream.readableEnded) throw error
    throw new ApiError('INVALID_ARGUMENT', 'The request body is not gzip, as its Content-Encoding says.')
  }
}
