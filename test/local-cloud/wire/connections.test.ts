import {once} from 'node:events'
import {openSync} from 'node:fs'
import {mkdtemp, rm, truncate, writeFile} from 'node:fs/promises'
import {request} from 'node:http'
import {connect} from 'node:net'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {Readable} from 'node:stream'
import {afterAll, beforeAll, expect, it} from 'vitest'
import {admitLoopback} from '../../../src/local-cloud/wire/admission.ts'
import {DiskFullError} from '../../../src/local-cloud/disk-full.ts'
import {FileBody} from '../../../src/local-cloud/wire/file-body.ts'
import {createHttpServer, HTTP_LIMITS} from '../../../src/local-cloud/wire/http.ts'
import {route} from '../../../src/local-cloud/wire/routes.ts'
import {createServerOf, type Listener} from '../../../src/local-cloud/wire/server.ts'

const errors: unknown[] = []
const left: string[] = []
const routes = [
  route('GET', '/small', () => ({json: {fine: true}})),
  route('HEAD', '/small', () => ({json: {fine: true}})),
  route('POST', '/unread', () => ({status: 403, json: {read: 'nothing'}})),
  route('POST', '/limited', async ({bytes}) => ({json: {size: (await bytes(1000)).length}})),
  route('POST', '/read', async ({bytes}) => ({json: {size: (await bytes()).length}})),
  route('GET', '/broken', () => ({
    headers: {'content-length': '1000'},
    body: Readable.from(
      (function* () {
        yield Buffer.alloc(100)
        throw new Error('the disk is gone')
      })(),
      {objectMode: false},
    ),
  })),
  route('POST', '/full', async ({call}) => {
    await once(call.signal, 'abort')
    left.push('full')
    throw new DiskFullError('/', new Error('ENOSPC'))
  }),
  route('GET', '/endless', () => ({
    body: new Readable({
      read() {
        this.push(Buffer.alloc(65_536))
      },
      destroy(error, callback) {
        left.push('endless')
        callback(error)
      },
    }),
  })),
]

let listener: Listener

beforeAll(async () => {
  const server = createServerOf({routes, services: [], report: (error) => errors.push(error)})
  listener = await server.listen(0, () => 'owner')
})
afterAll(() => listener.close())

/** Sends text and takes what comes until the connection ends. */
async function raw(text: string | Buffer, port = listener.port): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk) => (answer += chunk.toString('latin1')))
  socket.on('error', () => undefined)
  socket.write(text)
  await once(socket, 'close')
  return answer
}

it('lets an answer reach a client that is still sending an unread body', async () => {
  const body = Buffer.alloc(20 * 1024 * 1024)
  for (const path of ['/unread', '/limited']) {
    const response = await fetch(`${listener.origin}${path}`, {method: 'POST', body})
    expect([path, response.status]).toEqual([path, path === '/unread' ? 403 : 400])
    await response.text()
  }
})

it('uses a connection again after an unread body, for the next request and not for the rest of the last', async () => {
  const answer = await raw(
    'POST /unread HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 27\r\n\r\nGET /small HTTP/1.1\r\nX: y\r\n' +
      'GET /small HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n',
  )
  expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 403', 'HTTP/1.1 200'])
})

it('ends the connection of a client that never stops sending', async () => {
  const sent = request(`${listener.origin}/unread`, {method: 'POST'})
  const [ended] = await Promise.all([
    new Promise<string>((resolve) => {
      sent.on('response', (response) => {
        response.resume()
        response.on('close', () => resolve(`answered ${response.statusCode}`))
      })
      sent.on('error', () => resolve('reset'))
    }),
    (async () => {
      const chunk = Buffer.alloc(1024 * 1024)
      while (!sent.destroyed && !sent.closed)
        if (!sent.write(chunk))
          await Promise.race([once(sent, 'drain'), once(sent, 'close')]).catch(() => undefined)
    })(),
  ])
  expect(['answered 403', 'reset']).toContain(ended)
})

it('answers HEAD without a body, with the length that GET has', async () => {
  const answer = await raw('HEAD /small HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n')
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(answer).toMatch(/content-length: 13\r\n/i)
  expect(answer.slice(answer.indexOf('\r\n\r\n') + 4)).toBe('')
})

it('refuses headers that are too large, by name', async () => {
  const answer = await raw(`GET /small HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Large: ${'x'.repeat(40_000)}\r\n\r\n`)
  expect(answer).toMatch(/^HTTP\/1\.1 431 /)
})

it('lets go of a client whose headers never end, and of one whose body stands still', async () => {
  const http = createHttpServer(
    routes,
    {
      admit: admitLoopback(() => undefined),
      onTunnelRefused: () => undefined,
      tunnelTo: () => undefined,
      spare: () => undefined,
      identify: () => 'owner',
      stopping: new AbortController().signal,
      report: (error) => errors.push(error),
      faults: undefined,
      requests: undefined,
    },
    {...HTTP_LIMITS, headersMs: 200, silentBodyMs: 200},
  )
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const address = http.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const [headers, body] = await Promise.all([
    raw('GET /small HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow:', port),
    raw('POST /read HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nhalf', port),
  ])
  expect(headers).toMatch(/^HTTP\/1\.1 408 /)
  expect(body).toBe('')
  http.close()
})

it('looks after the headers of connections that are handed to it', async () => {
  // A listener's own connections come from a socket that has peeked at their first bytes.
  const socket = connect(listener.port, '127.0.0.1')
  socket.write('GET /small HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
  const [first]: unknown[] = await once(socket, 'data')
  expect(String(first)).toMatch(/keep-alive: timeout=30/i)
  socket.destroy()
})

it('breaks off an answer whose source breaks, and says so to its operator', async () => {
  const response = await fetch(`${listener.origin}/broken`)
  await expect(response.arrayBuffer()).rejects.toThrow('terminated')
  expect(errors.splice(0)).toEqual([new Error('the disk is gone')])
})

it('stops reading when the client leaves', async () => {
  const aborted = new AbortController()
  const response = await fetch(`${listener.origin}/endless`, {signal: aborted.signal})
  await response.body?.getReader().read()
  aborted.abort()
  await expect.poll(() => left).toEqual(['endless'])
})

it('does not report a full disk to a caller who has left as a fault of its own', async () => {
  left.length = 0
  const aborted = new AbortController()
  const call = fetch(`${listener.origin}/full`, {method: 'POST', signal: aborted.signal})
  await fetch(`${listener.origin}/small`)
  aborted.abort()
  await expect(call).rejects.toThrow('aborted')
  await expect.poll(() => left).toEqual(['full'])
})

it('survives what is neither HTTP nor HTTP/2', async () => {
  await raw('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + '\u0000\u0001garbage'.repeat(100))
  expect(await raw('HELLO\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
  expect((await fetch(`${listener.origin}/small`)).status).toBe(200)
})

it('reports nothing as its own fault', () => {
  expect(errors).toEqual([])
})

it('closes the files of responses that still wait when their connection ends', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'file-bodies-'))
  const file = join(folder, 'large')
  await writeFile(file, '')
  await truncate(file, 64 * 1024 * 1024)
  const bodies: FileBody[] = []
  const reported: unknown[] = []
  const large = route('GET', '/large', () => {
    const body = new FileBody(openSync(file, 'r'))
    bodies.push(body)
    return {headers: {'content-length': String(64 * 1024 * 1024)}, body}
  })
  const server = createServerOf({routes: [large], services: [], report: (error) => reported.push(error)})
  const listening = await server.listen(0, () => 'owner')
  try {
    const socket = connect(listening.port, '127.0.0.1')
    socket.write(`GET /large HTTP/1.1\r\nhost: 127.0.0.1:${listening.port}\r\n\r\n`.repeat(3))
    await once(socket, 'data')
    socket.pause()
    await expect.poll(() => bodies.length).toBe(3)
    socket.destroy()
    await expect.poll(() => bodies.filter((body) => !body.closed)).toEqual([])
    expect(reported).toEqual([])
  } finally {
    await listening.close()
    await rm(folder, {recursive: true})
  }
})

it('ends the reading of a request whose connection broke before it began', async () => {
  const seen: string[] = []
  const gone = Promise.withResolvers<void>()
  const late = route('POST', '/late', async ({bytes, stream}) => {
    seen.push('begun')
    stream.once('close', () => gone.resolve())
    await gone.promise
    const size = await bytes().finally(() => seen.push('ended'))
    return {json: {size: size.length}}
  })
  const reported: unknown[] = []
  const server = createServerOf({routes: [late], services: [], report: (error) => reported.push(error)})
  const listening = await server.listen(0, () => 'owner')
  try {
    const socket = connect(listening.port, '127.0.0.1')
    socket.write(`POST /late HTTP/1.1\r\nhost: 127.0.0.1:${listening.port}\r\ncontent-length: 9\r\n\r\nhalf`)
    await expect.poll(() => seen).toEqual(['begun'])
    socket.destroy()
    await expect.poll(() => seen).toEqual(['begun', 'ended'])
    expect(reported).toEqual([])
  } finally {
    await listening.close()
  }
})
