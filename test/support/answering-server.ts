import {once} from 'node:events'
import {
  createServer,
  request as sendRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import {onTestFinished} from 'vitest'

/** Answers in place of a service. Ends with the test. @returns its origin */
export function startServer(answer: RequestListener): Promise<string> {
  return listen(createServer(answer), 'http')
}

/** Has a server listen until the test ends. @returns its origin */
export async function listen(server: Server, scheme: 'http' | 'https'): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server has no port.')
  return `${scheme}://127.0.0.1:${address.port}`
}

/** Lets another server answer. @param target its origin */
export function forward(request: IncomingMessage, response: ServerResponse, target: string): void {
  const {method, headers} = request
  const forwarded = sendRequest(new URL(request.url ?? '/', target), {method, headers}, (answer) => {
    response.writeHead(answer.statusCode ?? 500, answer.headers)
    answer.pipe(response)
  })
  forwarded.on('error', () => response.destroy())
  request.pipe(forwarded)
}
