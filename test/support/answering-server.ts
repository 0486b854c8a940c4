import {once} from 'node:events'
import {createServer, type RequestListener} from 'node:http'
import {onTestFinished} from 'vitest'

/** Answers in place of a service. Ends with the test. @returns its origin */
export async function startServer(answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server has no port.')
  return `http://127.0.0.1:${address.port}`
}
