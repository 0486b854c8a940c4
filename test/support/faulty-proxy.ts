import {once} from 'node:events'
import {createServer, request as sendRequest, type IncomingMessage, type ServerResponse} from 'node:http'
import {onTestFinished} from 'vitest'

export interface FaultyProxy {
  readonly origin: string
  /** `METHOD /path` of every request, decoded. */
  readonly requests: string[]
  /** Requests that this picks are answered with 503 and go no further; others wait for its answer. */
  fails: (method: string, url: URL) => boolean | Promise<boolean>
  /** Requests that this picks are carried out, and their answer is lost. */
  losesAnswer: (method: string, url: URL) => boolean
  /** After so many bytes the answer's connection is broken; `undefined`: never. */
  cutsAfter: (method: string, url: URL) => number | undefined
  /** Answers of which one bit is turned over: in each piece, or only in the byte at this offset. */
  corrupts: (method: string, url: URL) => boolean | number
  /** Requests of whose body one bit is turned over. */
  corruptsRequest: (method: string, url: URL) => boolean
}

/** Passes HTTP on to `target`, apart from the faults that the test asks for. Ends with the test. */
export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', target)
    const method = request.method ?? 'GET'
    proxy.requests.push(`${method} ${decodeURIComponent(url.pathname)}`)
    if (await proxy.fails(method, url)) {
      request.resume()
      response.writeHead(503, {connection: 'close'}).end()
      return
    }
    const forwarded = sendRequest(url, {method, headers: request.headers}, (answer) => {
      if (proxy.losesAnswer(method, url)) {
        answer.resume()
        response.writeHead(503).end()
        return
      }
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      let left = proxy.cutsAfter(method, url) ?? Infinity
      const corrupted = proxy.corrupts(method, url)
      let offset = typeof corrupted === 'number' ? corrupted : 0
      answer.on('data', (bytes: Buffer) => {
        if (corrupted !== false && offset >= 0 && offset < bytes.length)
          bytes[offset] = (bytes[offset] ?? 0) ^ 1
        if (typeof corrupted === 'number') offset -= bytes.length
        if (left <= 0) return
        response.write(bytes.subarray(0, left))
        left -= bytes.length
        // What was written is still on its way.
        if (left <= 0) setImmediate(() => response.destroy())
      })
      answer.on('end', () => left > 0 && response.end())
    })
    forwarded.on('error', () => response.destroy())
    response.on('close', () => forwarded.destroy())
    if (proxy.corruptsRequest(method, url)) {
      request.once('data', (bytes: Buffer) => {
        bytes[0] = (bytes[0] ?? 0) ^ 1
      })
    }
    request.pipe(forwarded)
  }
  const server = createServer((request, response) => void pass(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port.')
  const proxy: FaultyProxy = {
    origin: `http://127.0.0.1:${address.port}`,
    requests: [],
    fails: () => false,
    losesAnswer: () => false,
    cutsAfter: () => undefined,
    corrupts: () => false,
    corruptsRequest: () => false,
  }
  return proxy
}
