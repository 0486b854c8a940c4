import {createServer, type IncomingHttpHeaders, type ServerResponse} from 'node:http'
import {onTestFinished} from 'vitest'

/** A request that a push endpoint got. */
export interface Pushed {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** The body as JSON. */
  readonly json: {
    readonly message: {
      readonly data?: string
      readonly attributes?: Readonly<Record<string, string>>
      readonly messageId: string
      readonly orderingKey?: string
    }
    readonly subscription: string
    readonly deliveryAttempt?: number
  }
  answer(status: number): void
  readonly response: ServerResponse
}

/** An HTTP server that takes pushes, each answered when the test says so. */
export interface PushEndpoint {
  readonly url: string
  /** Everything that came, in order. */
  readonly seen: readonly Pushed[]
  /** The next request that was not taken yet. */
  next(): Promise<Pushed>
}

/** @param answer answers each request at once; without it the test does */
export async function startPushEndpoint(answer?: (pushed: Pushed) => void): Promise<PushEndpoint> {
  const seen: Pushed[] = []
  const untaken: Pushed[] = []
  const takers: ((pushed: Pushed) => void)[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      const pushed: Pushed = {
        method: request.method ?? '',
        headers: request.headers,
        body,
        get json(): Pushed['json'] {
          return JSON.parse(body)
        },
        answer: (status) => response.writeHead(status).end(),
        response,
      }
      seen.push(pushed)
      answer?.(pushed)
      const taker = takers.shift()
      if (taker) taker(pushed)
      else untaken.push(pushed)
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/push`,
    seen,
    next: async () =>
      untaken.shift() ??
      new Promise((resolve) => {
        takers.push(resolve)
      }),
  }
}
