import {Agent, request} from './host/http.ts'
import {isJsonObject} from '../../src/local-cloud/wire/json.ts'
import {PORT} from './cloud-process.ts'

export interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

export interface Sent {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH'
  readonly path: string
  readonly body?: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

const PATIENCE_MS = 30_000

/** Sends a request over a connection of its own. @throws if no whole answer comes */
export function send({method, path, body, headers = {}}: Sent): Promise<Answer> {
  const {promise, resolve, reject} = Promise.withResolvers<Answer>()
  const sent = request({
    method,
    host: '127.0.0.1',
    port: PORT,
    path,
    agent: new Agent(),
    headers: {...headers, 'content-length': String(body === undefined ? 0 : Buffer.byteLength(body))},
  })
  const late = setTimeout(() => sent.destroy(new Error('no answer')), PATIENCE_MS)
  sent.on('error', reject)
  sent.on('close', () => {
    clearTimeout(late)
    reject(new Error('closed'))
  })
  sent.on('response', (response) => {
    const parts: Buffer[] = []
    response.on('data', (part: Buffer) => parts.push(part))
    response.on('error', reject)
    response.on('end', () =>
      resolve({
        status: response.statusCode ?? 0,
        text: Buffer.concat(parts).toString(),
        headers: response.headers,
      }),
    )
  })
  sent.end(body)
  return promise
}

/** Sends JSON and reads JSON. @throws if the answer is not a success */
export async function call(
  method: Sent['method'],
  path: string,
  json?: object,
): Promise<Record<string, unknown>> {
  const answer = await send({
    method,
    path,
    headers: {'content-type': 'application/json'},
    ...(json === undefined ? {} : {body: JSON.stringify(json)}),
  })
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
  return parse(answer.text)
}

export function parse(text: string): Record<string, unknown> {
  const value: unknown = text === '' ? {} : JSON.parse(text)
  if (!isJsonObject(value)) throw new Error(`Not an object: ${text}`)
  return value
}

export function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter((item) => isJsonObject(item)) : []
}
