import type {IncomingHttpHeaders} from 'node:http'
import type {Readable} from 'node:stream'
import {ApiError} from './api-error.ts'
import {isJsonObject} from './json.ts'
import type {HttpRequest} from './routes.ts'

const DEFAULT_BODY_LIMIT_BYTES = 10 * 1024 * 1024

/** What a route's handler gets of a request. A copy of it has no `url` unless that is named. */
export class IncomingRequest implements HttpRequest {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly stream: Readable
  readonly params: Record<string, string>
  readonly call: HttpRequest['call']
  readonly hasQuery: boolean
  readonly #target: string
  #url: URL | undefined

  /**
   * @param target path and query
   * @param stream as which its body arrives
   */
  constructor(
    {method, headers, target}: {method: string; headers: IncomingHttpHeaders; target: string},
    stream: Readable,
    params: Record<string, string>,
    call: HttpRequest['call'],
  ) {
    this.method = method
    this.headers = headers
    this.stream = stream
    this.params = params
    this.call = call
    this.hasQuery = target.includes('?')
    this.#target = target
  }

  /** Many handlers do without. */
  get url(): URL {
    return (this.#url ??= urlOf(this.call.origin, this.#target))
  }

  readonly bytes = async (limitBytes = DEFAULT_BODY_LIMIT_BYTES): Promise<Buffer> =>
    this.#whole(limitBytes) ?? readAll(this.stream, limitBytes)

  readonly json = (): Record<string, unknown> | Promise<Record<string, unknown>> => {
    const whole = this.#whole(DEFAULT_BODY_LIMIT_BYTES)
    return whole === undefined
      ? readAll(this.stream, DEFAULT_BODY_LIMIT_BYTES).then(parseJson)
      : parseJson(whole)
  }

  /** A small body, which arrives with the headers. */
  #whole(limitBytes: number): Buffer | undefined {
    const {stream} = this
    const length = Number(this.headers['content-length'])
    if (stream.readableLength !== length || length > limitBytes) return undefined
    const whole: unknown = stream.read()
    stream.resume()
    return Buffer.isBuffer(whole) ? whole : undefined
  }
}

function parseJson(bytes: Buffer): Record<string, unknown> {
  const text = bytes.toString('utf8')
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
}

/**
 * Joined as text: a path that starts with two slashes would be parsed as a host.
 * @throws ApiError INVALID_ARGUMENT
 */
function urlOf(origin: string, target: string): URL {
  const url = URL.parse(`${origin}${target === '*' ? '/' : target}`)
  if (url === null)
    throw new ApiError('INVALID_ARGUMENT', `The request target ${JSON.stringify(target)} is not a path.`)
  return url
}

/** By events: an iterator costs more than a small body. */
function readAll(stream: Readable, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const take = (chunk: unknown): void => {
      const part = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))
      size += part.length
      chunks.push(part)
      if (size <= limitBytes) return
      // The stream is not destroyed: that would end the connection before the answer.
      stream.off('data', take).pause()
      reject(new ApiError('INVALID_ARGUMENT', `Request payload size exceeds the limit: ${limitBytes} bytes.`))
    }
    stream.on('data', take)
    stream.once('end', () => {
      const [first] = chunks
      resolve(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks))
    })
    stream.on('error', reject)
    const broken = (): void => {
      if (!stream.readableEnded)
        reject(new ApiError('INVALID_ARGUMENT', 'The connection broke before the end of the request.'))
    }
    stream.once('close', broken)
    // What has closed before says no more.
    if (stream.destroyed) broken()
  })
}

/** Path parameters. @throws ApiError INVALID_ARGUMENT for a broken escape */
export function decoded(groups: Readonly<Record<string, string>> = {}): Record<string, string> {
  const params: Record<string, string> = {}
  for (const name of Object.keys(groups)) params[name] = decode(groups[name] ?? '')
  return params
}

function decode(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    throw new ApiError('INVALID_ARGUMENT', `The path has an invalid escape: ${text}`)
  }
}
