import {randomUUID} from 'node:crypto'
import {isJsonObject} from '../core/json.ts'
import {authorizer, quotaProject, type Connection} from './connection.ts'
import {ifFound, retried, toAppError} from './errors.ts'

/** Google's services that are called over REST; on the local cloud they share one origin. */
export type RestService =
  | 'artifactregistry'
  | 'cloudbilling'
  | 'cloudbuild'
  | 'cloudkms'
  | 'cloudresourcemanager'
  | 'iam'
  | 'logging'
  | 'monitoring'
  | 'pubsub'
  | 'run'
  | 'secretmanager'
  | 'serviceusage'
  | 'storage'

/**
 * They belong to no project; a user's credentials name the one that their quota is charged to. The others charge the
 * project of the resource, in which their APIs are on: the credentials' may not have them.
 */
const WITHOUT_PROJECT: ReadonlySet<RestService> = new Set(['cloudbilling', 'cloudresourcemanager'])

export type Json = Readonly<Record<string, unknown>>

/** A small client for Google's REST APIs: what only reads, resources as data, and APIs used without a client library. */
export interface Rest {
  /**
   * @param doing what is being done, for the message of an error; the request itself by default
   * @returns the answer's object; `{}` if the body is empty
   * @throws AppError
   */
  request(service: RestService, method: string, path: string, body?: Json, doing?: string): Promise<Json>
  /**
   * @param doing as in `request`
   * @returns `undefined` if there is nothing. @throws AppError, `api-disabled` if that is unknown
   */
  get(service: RestService, path: string, doing?: string): Promise<Json | undefined>
  /** @param doing as in `request`. @returns `undefined` if there was nothing to delete. @throws AppError */
  delete(service: RestService, path: string, doing?: string): Promise<Json | undefined>
  /**
   * Sends an object's metadata and bytes in one request: https://cloud.google.com/storage/docs/uploading-objects
   * @param path of the bucket's objects in the upload API, with its query
   * @returns the object. @throws AppError
   */
  upload(path: string, metadata: Json, bytes: Buffer, doing: string, signal: AbortSignal): Promise<Json>
  /**
   * Several calls of Cloud Storage in one request, at most 100, without bodies.
   * https://cloud.google.com/storage/docs/batch
   * @returns the HTTP status of each, in their order
   * @throws AppError if the whole request fails
   */
  batch(calls: readonly {readonly method: string; readonly path: string}[], doing: string): Promise<number[]>
}

const BOUNDARY = 'batch_cloud_runner'
const TIMEOUT_MS = 120_000

/** An answer other than 2xx, as received. */
class RestError extends Error {
  override readonly name = 'RestError'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export function createRest(connection: Connection): Rest {
  const authorization = authorizer(connection)

  async function send(
    service: RestService,
    method: string,
    path: string,
    body: {readonly type: string; readonly content: string | Buffer<ArrayBuffer>} | undefined,
    signal: AbortSignal = AbortSignal.timeout(TIMEOUT_MS),
  ): Promise<string> {
    const origin = connection.endpoint ?? `https://${service}.googleapis.com`
    const token = await authorization()
    const quota = WITHOUT_PROJECT.has(service) ? await quotaProject(connection) : undefined
    const response = await fetch(`${origin}${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : {authorization: token}),
        ...(quota === undefined ? {} : {'x-goog-user-project': quota}),
        ...(body === undefined ? {} : {'content-type': body.type}),
      },
      ...(body === undefined ? {} : {body: body.content}),
      signal,
    })
    const text = await response.text()
    if (response.ok) return text
    const message = errorMessage(parse(text)) ?? `${response.status} ${response.statusText}`
    throw new RestError(response.status, message)
  }

  const rest: Rest = {
    async request(service, method, path, body, doing = `${method} ${path}`) {
      try {
        // A repeated POST that creates something answers 409 the second time: callers inspect first, then handle it.
        const sent = body && {type: 'application/json', content: JSON.stringify(body)}
        return parse(await retried(() => send(service, method, path, sent))) ?? {}
      } catch (error) {
        throw toAppError(error, doing)
      }
    },
    get: (service, path, doing) => ifFound(rest.request(service, 'GET', path, undefined, doing)),
    delete: (service, path, doing) => ifFound(rest.request(service, 'DELETE', path, undefined, doing)),
    async upload(path, metadata, bytes, doing, signal) {
      // Random, so that no content has it by chance or on purpose.
      const boundary = randomUUID()
      const type = textIn(metadata, 'contentType') ?? 'application/octet-stream'
      const head = `--${boundary}\r\ncontent-type: application/json\r\n\r\n${JSON.stringify(metadata)}\r\n--${boundary}\r\ncontent-type: ${type}\r\n\r\n`
      const content = Buffer.concat([Buffer.from(head), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)])
      const body = {type: `multipart/related; boundary=${boundary}`, content}
      const sent = (): Promise<string> =>
        send('storage', 'POST', path, body, AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]))
      try {
        return parse(await retried(sent, signal)) ?? {}
      } catch (error) {
        throw toAppError(error, doing)
      }
    },
    async batch(calls, doing) {
      const parts = calls.map(
        ({method, path}) =>
          `--${BOUNDARY}\r\ncontent-type: application/http\r\n\r\n${method} ${path} HTTP/1.1\r\n\r\n`,
      )
      const body = {
        type: `multipart/mixed; boundary=${BOUNDARY}`,
        content: `${parts.join('\r\n')}\r\n--${BOUNDARY}--`,
      }
      try {
        const answer = await retried(() => send('storage', 'POST', '/batch/storage/v1', body))
        // No line of a JSON body begins so.
        return answer
          .matchAll(/^HTTP\/[\d.]+ (\d{3})/gm)
          .map(([, status]) => Number(status))
          .toArray()
      } catch (error) {
        throw toAppError(error, doing)
      }
    },
  }
  return rest
}

/** The items of all pages of a list, which the answers have as `member`. @param doing as in {@link Rest.request} */
export async function readPages(
  rest: Pick<Rest, 'request'>,
  service: RestService,
  path: string,
  member: string,
  doing?: string,
): Promise<Json[]> {
  const all: Json[] = []
  const next = `${path}${path.includes('?') ? '&' : '?'}pageToken=`
  for (let token = ''; ;) {
    const at = token === '' ? path : next + encodeURIComponent(token)
    const page = await rest.request(service, 'GET', at, undefined, doing)
    all.push(...objectsIn(page, member))
    token = textIn(page, 'nextPageToken') ?? ''
    if (token === '') return all
  }
}

/** The objects of an array member; empty if it is absent. */
export function objectsIn(json: Json, member: string): Json[] {
  const value = json[member]
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

export function textIn(json: Json | undefined, member: string): string | undefined {
  const value = json?.[member]
  return typeof value === 'string' ? value : undefined
}

function parse(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function errorMessage(json: Json | undefined): string | undefined {
  const error = json?.['error']
  return isJsonObject(error) ? textIn(error, 'message') : undefined
}
