import {once} from 'node:events'
import {type IncomingMessage, request} from 'node:http'
import {connect} from 'node:net'
import {json} from 'node:stream/consumers'
import {describe, expect, it, onTestFinished} from 'vitest'
import {createOutsideCalls} from '../../../src/local-cloud/wire/outside-calls.ts'
import {route} from '../../../src/local-cloud/wire/routes.ts'
import {createServerOf} from '../../../src/local-cloud/wire/server.ts'
import {ManualClock} from '../../support/manual-clock.ts'

const routes = [
  route('GET', '/v1/things/:thing', ({params, url, call}) => ({
    json: {...params, query: url.search, origin: call.origin},
  })),
  route('GET', '/v1/host', ({headers}) => ({json: {host: headers.host}})),
]

async function listen(kind: 'listen' | 'listenAsProxy') {
  const outside = createOutsideCalls(new ManualClock())
  const server = createServerOf({
    routes,
    services: [],
    report: (error) => expect.unreachable(String(error)),
    onOutsideCall: (call) => outside.refused(call),
  })
  const listener = await server[kind](0, () => 'owner')
  onTestFinished(() => listener.close())
  return {port: listener.port, outside}
}

/** A request with this request target, as a client of a proxy writes it. */
async function ask(port: number, path: string, headers: Record<string, string> = {}) {
  const asked = request({host: '127.0.0.1', port, path, headers, agent: false})
  asked.end()
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    asked.once('response', resolve)
    asked.once('error', reject)
  })
  return {status: answer.statusCode, json: await json(answer)}
}

describe.each(['listen', 'listenAsProxy'] as const)('CONNECT, %s', (kind) => {
  it('is refused at once, with a reason, and remembered', async () => {
    const {port, outside} = await listen(kind)
    const tunnel = request({
      host: '127.0.0.1',
      port,
      method: 'CONNECT',
      path: 'openidconnect.googleapis.com:443',
      agent: false,
    })
    tunnel.end()
    const answer = await new Promise<IncomingMessage>((resolve) => {
      tunnel.once('connect', (response, socket, head) => {
        socket.destroy()
        expect(head.toString()).toContain('openidconnect.googleapis.com:443 is refused')
        resolve(response)
      })
    })
    expect(answer.statusCode).toBe(403)
    expect(outside.list()).toMatchObject([{host: 'openidconnect.googleapis.com:443', method: 'CONNECT'}])
  })

  it('survives a client that is gone before the answer', async () => {
    const {port} = await listen(kind)
    const tunnel = connect(port, '127.0.0.1')
    await once(tunnel, 'connect')
    tunnel.write('CONNECT x.org:443 HTTP/1.1\r\nHost: x.org:443\r\n\r\n')
    tunnel.resetAndDestroy()
    await once(tunnel, 'close')
    const next = await ask(port, 'http://run.googleapis.com/v1/things/a')
    expect([200, 403]).toContain(next.status)
  })
})

describe('the forward proxy', () => {
  it('takes the host from the target, whatever the Host header says', async () => {
    const {port} = await listen('listenAsProxy')
    const asked = await ask(port, 'http://run.googleapis.com/v1/host', {host: 'storage.googleapis.com'})
    expect(asked.json).toEqual({host: 'run.googleapis.com'})
  })

  it.each(['run.googleapis.com', 'europe-west3-run.googleapis.com', 'storage.googleapis.com:80'])(
    'serves http://%s as the same API',
    async (host) => {
      const {port, outside} = await listen('listenAsProxy')
      expect(await ask(port, `http://${host}/v1/things/a%2Fb?alt=json`)).toEqual({
        status: 200,
        json: {thing: 'a/b', query: '?alt=json', origin: `http://${host.replace(':80', '')}`},
      })
      expect(outside.list()).toEqual([])
    },
  )

  it.each([
    'http://example.org/v1/things/a',
    'http://googleapis.com.example.org/v1/things/a',
    'http://storage.googleapis.com@example.org/v1/things/a',
    'https://storage.googleapis.com/v1/things/a',
    'ftp://storage.googleapis.com/v1/things/a',
  ])('refuses %s, and remembers it', async (target) => {
    const {port, outside} = await listen('listenAsProxy')
    expect(await ask(port, target)).toMatchObject({
      status: 403,
      json: {error: {message: expect.stringContaining('lets nothing leave this machine')}},
    })
    expect(outside.list()).toHaveLength(1)
  })

  it('says how to reach this machine itself', async () => {
    const {port} = await listen('listenAsProxy')
    expect(await ask(port, 'http://127.0.0.1:1/')).toMatchObject({
      status: 403,
      json: {error: {message: expect.stringContaining('NO_PROXY')}},
    })
  })

  it('answers no plain request, and no page', async () => {
    const {port, outside} = await listen('listenAsProxy')
    expect((await ask(port, '/v1/things/a')).status).toBe(403)
    const page = {origin: 'http://evil.example.org'}
    expect((await ask(port, 'http://run.googleapis.com/v1/things/a', page)).status).toBe(403)
    const image = {'sec-fetch-site': 'cross-site'}
    expect((await ask(port, 'http://run.googleapis.com/v1/things/a', image)).status).toBe(403)
    expect(outside.list()).toEqual([])
  })
})

describe('the port of the APIs', () => {
  it('is not a proxy', async () => {
    const {port, outside} = await listen('listen')
    expect(await ask(port, 'http://run.googleapis.com/v1/things/a')).toMatchObject({status: 403})
    expect(outside.list()).toMatchObject([{host: 'run.googleapis.com', method: 'GET'}])
  })

  it('treats a path of two slashes as a path', async () => {
    const {port} = await listen('listen')
    expect(await ask(port, '//example.org/v1/things/a')).toMatchObject({status: 400})
  })
})

it('remembers a hundred outside calls, the newest first', () => {
  const outside = createOutsideCalls(new ManualClock())
  for (let count = 1; count <= 101; count++) outside.refused({host: `h${count}`, method: 'CONNECT'})
  expect(outside.list()).toHaveLength(100)
  expect(outside.list()[0]?.host).toBe('h101')
})
