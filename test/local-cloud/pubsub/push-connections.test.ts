import {once} from 'node:events'
import {createServer, type Socket} from 'node:net'
import {expect, onTestFinished, test} from 'vitest'
import {PushConnections} from '../../../src/local-cloud/pubsub/push-connections.ts'
import type {PushRequest} from '../../../src/local-cloud/pubsub/push-request.ts'

const REQUEST = {headers: 'content-length: 2\r\n', body: '{}'}

/** An endpoint that answers each request as it is told, and what it saw. */
async function endpointOf(answer: (socket: Socket, connection: number) => Promise<void> | void) {
  const requests: {text: string; connection: number}[] = []
  let connections = 0
  let answered = Promise.resolve()
  const server = createServer((socket) => {
    const connection = (connections += 1)
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      requests.push({text: chunk.toString('latin1'), connection})
      answered = Promise.resolve(answer(socket, connection))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  const pushes = new PushConnections()
  onTestFinished(() => {
    pushes[Symbol.dispose]()
    server.close()
  })
  /** Resolves when the last answer has arrived, all in one process. */
  const arrived = async (): Promise<void> => {
    await answered
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return {host, requests, pushes, arrived}
}

/** Whether the endpoint acknowledged. */
const pushed = (pushes: PushConnections, endpoint: URL, request: PushRequest = REQUEST): Promise<boolean> =>
  new Promise((resolve) => {
    pushes.post(endpoint, request, resolve)
  })

const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1))

test.each([
  ['no body', 'HTTP/1.1 204 No Content\r\n\r\n', true],
  ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\r\n\r\n', true],
  [
    'chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\n\r\n\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n',
    true,
  ],
  ['trailers', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nX-A: b\r\n\r\n', true],
  [
    'hints before',
    'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
    true,
  ],
  ['an end of the connection', 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n', false],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n', false],
])(
  'an answer with %s acknowledges, however it is split, and the connection is used again if it may be',
  async (_name, answer, isKept) => {
    const {host, requests, pushes, arrived} = await endpointOf(async (socket) => {
      for (const byte of answer) {
        socket.write(byte)
        await tick()
      }
    })
    for (let each = 0; each < 2; each++) {
      expect(await pushed(pushes, new URL(`http://${host}/`))).toBe(true)
      // The status counts at once, the connection is free with the last byte.
      await arrived()
    }
    expect(requests.map(({connection}) => connection)).toEqual([1, isKept ? 1 : 2])
  },
)

test('an answer longer than what is read of it counts by its status', async () => {
  const {host, pushes} = await endpointOf(async (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n')
    await tick()
    socket.write(`content-length: 1000000\r\n\r\n${'x'.repeat(1_000_000)}`)
  })
  expect(await pushed(pushes, new URL(`http://${host}/`))).toBe(true)
})

test('what is no answer refuses', async () => {
  const {host, pushes} = await endpointOf((socket) => void socket.write(`SSH-2.0\r\n\r\n`))
  expect(await pushed(pushes, new URL(`http://${host}/`))).toBe(false)
})

test('breaking off a delivery that has its answer leaves the connection to the next one', async () => {
  const {host, requests, pushes} = await endpointOf(
    (socket) => void socket.write('HTTP/1.1 500 Broken\r\ncontent-length: 0\r\n\r\n'),
  )
  const endpoint = new URL(`http://${host}/`)
  const {promise, resolve} = Promise.withResolvers<boolean>()
  const first = pushes.post(endpoint, REQUEST, resolve)
  expect(await promise).toBe(false)
  const second = pushed(pushes, endpoint)
  first.abort()
  expect(await second).toBe(false)
  expect(requests.map(({connection}) => connection)).toEqual([1, 1])
})

test('a connection that ends as it is used again is not the fault of the message', async () => {
  const {host, requests, pushes} = await endpointOf((socket, connection) => {
    if (connection === 1 && requests.length === 2) socket.destroy()
    else socket.write('HTTP/1.1 204 No Content\r\n\r\n')
  })
  const endpoint = new URL(`http://${host}/`)
  expect(await pushed(pushes, endpoint)).toBe(true)
  expect(await pushed(pushes, endpoint)).toBe(true)
  expect(requests.map(({connection}) => connection)).toEqual([1, 1, 2])
})

test('credentials in the address of an endpoint are sent to it, as a token would be', async () => {
  const {host, requests, pushes} = await endpointOf(
    (socket) => void socket.write('HTTP/1.1 204 No Content\r\n\r\n'),
  )
  const endpoint = new URL(`http://me:p%40ss@${host}/`)
  await pushed(pushes, endpoint)
  await pushed(pushes, endpoint, {
    ...REQUEST,
    headers: `authorization: Bearer token\r\n${REQUEST.headers}`,
  })
  expect(requests.map(({text}) => /^authorization: (.*)\r$/m.exec(text)?.[1])).toEqual([
    `Basic ${Buffer.from('me:p@ss').toString('base64')}`,
    'Bearer token',
  ])
})
