import {createServer, type IncomingHttpHeaders, type ServerResponse} from 'node:http'
import {onTestFinished} from 'vitest'
import type {ManualClock} from './manual-clock.ts'

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
  /**
   * Resolves when what was on its way has arrived, pushes here and their answers there: on the loopback of one process
   * nothing arrives before what was sent earlier.
   */
  settled(): Promise<void>
}

const ROUND_TRIPS = 3

/** @param answer answers each request at once; without it the test does */
export async function startPushEndpoint(answer?: (pushed: Pushed) => void): Promise<PushEndpoint> {
  const seen: Pushed[] = []
  const untaken: Pushed[] = []
  const takers: ((pushed: Pushed) => void)[] = []
  const server = createServer((request, response) => {
    if (request.url === '/settled') {
      response.end()
      return
    }
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
  const origin = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  return {
    url: `${origin}/push`,
    seen,
    next: async () =>
      untaken.shift() ??
      new Promise((resolve) => {
        takers.push(resolve)
      }),
    async settled() {
      for (let trip = 0; trip < ROUND_TRIPS; trip++) await (await fetch(`${origin}/settled`)).text()
    },
  }
}

/** Moves the clock on in steps until `done`. @returns how far, in milliseconds @throws Error after `mostMs` */
export async function advanceUntil(
  clock: ManualClock,
  endpoint: PushEndpoint,
  done: () => boolean,
  stepMs = 100,
  mostMs = 1_500_000,
): Promise<number> {
  const start = clock.monotonic()
  while (!done()) {
    if (clock.monotonic() - start > mostMs) throw new Error(`nothing happened in ${mostMs} ms`)
    await clock.advance(stepMs)
    await endpoint.settled()
  }
  return clock.monotonic() - start
}
