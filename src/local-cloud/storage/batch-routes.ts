import {Readable} from 'node:stream'
import {STATUS_CODES} from '../node-http.ts'
import {isJsonObject, parseJsonObject} from '../wire/json.ts'
import {type HttpRequest, type HttpResponse, route, type Route} from '../wire/routes.ts'
import {invalid, notServed, renderStorageError} from './errors.ts'

/** https://cloud.google.com/storage/docs/batch: "You should not include more than 100 calls". */
const MAX_CALLS = 100
const BOUNDARY = 'batch_local_cloud'
const BODY_LIMIT_BYTES = 10 * 1024 * 1024

/** Several calls of the JSON API in one: https://cloud.google.com/storage/docs/batch */
export function batchRoutes(served: readonly Route[]): Route[] {
  const answerOf = async (outer: HttpRequest, call: BatchedCall): Promise<string> => {
    const {id, method, path, headers, body} = call
    const [target = ''] = path.split('?', 1)
    const inner = served.find((each) => each.method === method && each.pattern.test(target))
    let answer: HttpResponse
    try {
      if (inner === undefined) throw notServed(`${method} ${path} in a batch`)
      const bytes = Buffer.from(body)
      answer = await inner.handle({
        method,
        url: new URL(path, outer.call.origin),
        hasQuery: path.includes('?'),
        params: Object.fromEntries(
          Object.entries(inner.pattern.exec(target)?.groups ?? {}).map(([name, value]) => [
            name,
            decodeURIComponent(value),
          ]),
        ),
        headers,
        stream: Readable.from([bytes]),
        bytes: () => Promise.resolve(bytes),
        json: () => Promise.resolve(jsonOf(body)),
        call: outer.call,
      })
      if (answer.body instanceof Readable) throw notServed('A download in a batch')
    } catch (error) {
      answer = renderStorageError(error)
    }
    return partOf(id, answer)
  }

  const batch = async (request: HttpRequest): Promise<HttpResponse> => {
    const boundary = /^multipart\/mixed\s*;.*?boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(
      request.headers['content-type'] ?? '',
    )
    const mark = boundary?.[1] ?? boundary?.[2]
    if (mark === undefined) throw invalid('A batch is multipart/mixed with a boundary.')
    const body = (await request.bytes(BODY_LIMIT_BYTES)).toString('utf8').replaceAll('\r\n', '\n')
    const parts = `\n${body}`.split(`\n--${mark}`).slice(1)
    const calls = parts.filter((part) => !part.startsWith('--')).map((part) => readPart(part))
    if (calls.length === 0) throw invalid('Failed to parse batch request: it has no calls.')
    if (calls.length > MAX_CALLS) throw invalid(`A batch has at most ${MAX_CALLS} calls.`)
    const answers: string[] = []
    while (answers.length < calls.length) {
      // Those of one kind at once, so that their changes share a commit.
      const rest = calls.slice(answers.length)
      const other = rest.findIndex(({method}) => method !== rest[0]?.method)
      const alike = rest.slice(0, other === -1 ? undefined : other)
      answers.push(...(await Promise.all(alike.map((call) => answerOf(request, call)))))
    }
    return {
      headers: {'content-type': `multipart/mixed; boundary=${BOUNDARY}`},
      body: `${answers.map((each) => `--${BOUNDARY}\r\n${each}\r\n`).join('')}--${BOUNDARY}--\r\n`,
    }
  }
  // Google's client for Java puts two slashes in front.
  return ['/batch/storage/v1', '//batch/storage/v1', '/batch'].map((path) =>
    route('POST', path, batch, renderStorageError),
  )
}

interface BatchedCall {
  readonly id: string | undefined
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** @throws StorageError 400 if it is not an HTTP request */
function readPart(part: string): BatchedCall {
  const [outer = '', head = '', ...rest] = part.replace(/^\n/, '').split('\n\n')
  const [line = '', ...headers] = head.split('\n')
  const {method, path} = /^(?<method>[A-Z]+) (?:https?:\/\/[^/]+)?(?<path>\/\S*)/.exec(line)?.groups ?? {}
  if (method === undefined || path === undefined)
    throw invalid(`A part of the batch is not an HTTP request: ${line}`)
  const id = headersOf(outer.split('\n'))['content-id']
  return {id, method, path, headers: headersOf(headers), body: rest.join('\n\n')}
}

function headersOf(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.flatMap((line) => {
      const colon = line.indexOf(':')
      return colon < 1 ? [] : [[line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]]
    }),
  )
}

function jsonOf(body: string): Record<string, unknown> {
  if (body.trim() === '') return {}
  const value = parseJsonObject(body)
  if (!isJsonObject(value)) throw invalid('The body of a call in the batch is not a JSON object.')
  return value
}

function partOf(id: string | undefined, {status = 200, headers = {}, json, body}: HttpResponse): string {
  const text = json === undefined ? (typeof body === 'string' ? body : '') : JSON.stringify(json)
  const lines = Object.entries({
    ...headers,
    ...(json === undefined ? {} : {'content-type': 'application/json; charset=UTF-8'}),
    'content-length': String(Buffer.byteLength(text)),
  }).map(([name, value]) => `${name}: ${value}`)
  const answers =
    id === undefined ? '' : `Content-ID: ${id.replace(/^<?/, '<response-').replace(/>?$/, '>')}\r\n`
  return (
    `Content-Type: application/http\r\n${answers}\r\n` +
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('\r\n')}\r\n\r\n${text}`
  )
}
