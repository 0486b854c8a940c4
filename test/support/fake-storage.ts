import {createHash} from 'node:crypto'
import {once} from 'node:events'
import {createServer, type IncomingMessage, type Server, type ServerResponse} from 'node:http'

interface StoredObject {
  readonly bytes: Buffer
  readonly resource: Record<string, unknown> & {generation: string}
}

interface Upload {
  readonly bucket: string
  readonly name: string
  readonly metadata: Record<string, unknown>
  readonly ifGenerationMatch: string | undefined
  readonly chunks: Buffer[]
}

class Refusal extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/**
 * The few calls of the Storage JSON API that a worker makes, in memory, for `@google-cloud/storage`: multipart and
 * resumable uploads, metadata, download, delete, generations and `ifGenerationMatch`. Buckets are there when named.
 */
export class FakeStorage implements AsyncDisposable {
  readonly #server: Server
  readonly #objects = new Map<string, StoredObject>()
  readonly #uploads = new Map<string, Upload>()
  /** Requests that `fails` picks are answered with 503. */
  fails: (method: string, url: URL) => boolean = () => false
  /** `METHOD /path` of every request. */
  readonly requests: string[] = []
  #last = 0

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<FakeStorage> {
    const server = createServer()
    const fake = new FakeStorage(server)
    server.on('request', (request, response) => void fake.#answer(request, response))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return fake
  }

  get origin(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('not listening')
    return `http://127.0.0.1:${address.port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.origin)
    const method = request.method ?? 'GET'
    this.requests.push(`${method} ${decodeURIComponent(url.pathname)}`)
    try {
      const body: Buffer[] = []
      for await (const chunk of request) body.push(Buffer.from(chunk))
      if (this.fails(method, url)) throw new Refusal(503, 'unavailable')
      this.#route(method, url, request, Buffer.concat(body), response)
    } catch (error) {
      const status = error instanceof Refusal ? error.status : 500
      const message = error instanceof Error ? error.message : String(error)
      response.writeHead(status, {'content-type': 'application/json'})
      response.end(JSON.stringify({error: {code: status, message, errors: [{message, reason: 'fake'}]}}))
    }
  }

  #route(method: string, url: URL, request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    const json = (content: object): void => {
      response.writeHead(200, {'content-type': 'application/json'}).end(JSON.stringify(content))
    }
    const upload = /^\/upload\/storage\/v1\/b\/([^/]+)\/o$/.exec(url.pathname)
    if (upload?.[1] !== undefined) {
      const type = url.searchParams.get('uploadType')
      if (type === 'multipart') json(this.#multipart(upload[1], url, request, body))
      else if (type === 'resumable') this.#startResumable(upload[1], url, request, body, response)
      else this.#continueResumable(url, request, body, response)
      return
    }
    const object = /^\/storage\/v1\/b\/([^/]+)\/o\/([^/]+)$/.exec(url.pathname)
    if (object?.[1] === undefined || object[2] === undefined) throw new Refusal(404, 'no such route')
    const [bucket, name] = [object[1], decodeURIComponent(object[2])]
    const stored = this.#objects.get(`${bucket}/${name}`)
    const generation = url.searchParams.get('generation')
    if (!stored || (generation !== null && generation !== stored.resource.generation)) {
      throw new Refusal(404, `No such object: ${bucket}/${name}`)
    }
    if (method === 'DELETE') {
      this.#check(stored, url.searchParams.get('ifGenerationMatch') ?? undefined)
      this.#objects.delete(`${bucket}/${name}`)
      response.writeHead(204).end()
    } else if (url.searchParams.get('alt') === 'media') {
      response.writeHead(200, {
        'content-length': stored.bytes.length,
        'x-goog-hash': `md5=${String(stored.resource['md5Hash'])}`,
        'x-goog-stored-content-encoding': 'identity',
      })
      response.end(stored.bytes)
    } else {
      json(stored.resource)
    }
  }

  #multipart(bucket: string, url: URL, request: IncomingMessage, body: Buffer): object {
    const boundary = /boundary=["']?([^"';]+)/.exec(request.headers['content-type'] ?? '')?.[1] ?? ''
    const [, metadataPart = '', mediaPart = ''] = body.toString('latin1').split(`--${boundary}`)
    const content = (part: string): string => part.slice(part.indexOf('\r\n\r\n') + 4).replace(/\r\n$/, '')
    const metadata: Record<string, unknown> = JSON.parse(
      Buffer.from(content(metadataPart), 'latin1').toString('utf8'),
    )
    const name = url.searchParams.get('name') ?? String(metadata['name'])
    return this.#put(
      bucket,
      name,
      Buffer.from(content(mediaPart), 'latin1'),
      metadata,
      url.searchParams.get('ifGenerationMatch') ?? undefined,
    )
  }

  #startResumable(
    bucket: string,
    url: URL,
    request: IncomingMessage,
    body: Buffer,
    response: ServerResponse,
  ): void {
    const id = `upload-${this.#uploads.size}`
    const contentType = request.headers['x-upload-content-type']
    const metadata: Record<string, unknown> = {
      ...(body.length > 0 ? JSON.parse(body.toString('utf8')) : {}),
      ...(contentType === undefined ? {} : {contentType}),
    }
    const ifGenerationMatch = url.searchParams.get('ifGenerationMatch') ?? undefined
    this.#uploads.set(id, {
      bucket,
      name: url.searchParams.get('name') ?? '',
      metadata,
      ifGenerationMatch,
      chunks: [],
    })
    response.writeHead(200, {location: `${this.origin}${url.pathname}?upload_id=${id}`}).end()
  }

  #continueResumable(url: URL, request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    const upload = this.#uploads.get(url.searchParams.get('upload_id') ?? '')
    if (!upload) throw new Refusal(404, 'no such upload')
    upload.chunks.push(body)
    const received = upload.chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    if ((request.headers['content-range'] ?? '').endsWith('/*')) {
      response.writeHead(308, {range: `bytes=0-${received - 1}`}).end()
      return
    }
    const resource = this.#put(
      upload.bucket,
      upload.name,
      Buffer.concat(upload.chunks),
      upload.metadata,
      upload.ifGenerationMatch,
    )
    response.writeHead(200, {'content-type': 'application/json'}).end(JSON.stringify(resource))
  }

  #put(
    bucket: string,
    name: string,
    bytes: Buffer,
    metadata: Record<string, unknown>,
    ifGenerationMatch: string | undefined,
  ): object {
    const key = `${bucket}/${name}`
    this.#check(this.#objects.get(key), ifGenerationMatch)
    this.#last = Math.max(this.#last + 1, Date.now() * 1000)
    const resource = {
      ...metadata,
      kind: 'storage#object',
      bucket,
      name,
      generation: String(this.#last),
      metageneration: '1',
      size: String(bytes.length),
      md5Hash: createHash('md5').update(bytes).digest('base64'),
      timeCreated: new Date(this.#last / 1000).toISOString(),
    }
    this.#objects.set(key, {bytes, resource})
    return resource
  }

  #check(stored: StoredObject | undefined, ifGenerationMatch: string | undefined): void {
    if (ifGenerationMatch !== undefined && ifGenerationMatch !== (stored?.resource.generation ?? '0')) {
      throw new Refusal(412, 'At least one of the pre-conditions you specified did not hold.')
    }
  }
}
