import type {IncomingHttpHeaders} from 'node:http'
import type {Readable} from 'node:stream'
import {ApiError} from './api-error.ts'
import {isJsonObject} from './json.ts'
import type {HttpRequest} from './routes.ts'

const DEFAULT_BODY_LIMIT_BYTES = 10 * 1024 * 1024

/** What a route's handler gets of a request whose body arrives as `stream`. @throws ApiError INVALID_ARGUMENT */
export function requestOf(
  {method, headers}: {method: string; headers: IncomingHttpHeaders},
  stream: Readable,
  url: URL,
  groups: Record<string, string>,
  call: HttpRequest['call'],
): HttpRequest {
  const params = decoded(groups)
  const bytes = (limitBytes = DEFAULT_BODY_LIMIT_BYTES): Promise<Buffer> => readAll(stream, limitBytes)
  return {
    method,
    url,
    params,
    headers,
    stream,
    bytes,
    async json() {
      const text = (await bytes()).toString('utf8')
      if (text.trim() === '') return {}
      try {
        const value: unknown = JSON.parse(text)
        if (isJsonObject(value)) return value
        // What Go writes for a body that it does not have.
        if (value === null) return {}
      } catch (error) {
        throw new ApiError(
          'INVALID_ARGUMENT',
          `Invalid JSON payload received. ${error instanceof Error ? error.message : ''}`,
        )
      }
      throw new ApiError('INVALID_ARGUMENT', 'Invalid JSON payload received. Expected an object.')
    },
    call,
  }
}

async function readAll(stream: Readable, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  // The stream is not destroyed with the loop: that would end the connection before the answer.
  for await (const chunk of stream.iterator({destroyOnReturn: false})) {
    const part: Buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))
    size += part.length
    if (size > limitBytes)
      throw new ApiError('INVALID_ARGUMENT', `Request payload size exceeds the limit: ${limitBytes} bytes.`)
    chunks.push(part)
  }
  return Buffer.concat(chunks)
}

/** Path parameters. @throws ApiError INVALID_ARGUMENT for a broken escape */
export function decoded(groups: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(groups).map(([name, value]) => [name, decode(value)]))
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new ApiError('INVALID_ARGUMENT', `The path has an invalid escape: ${text}`)
  }
}
