import {Server, ServerCredentials} from '@grpc/grpc-js'
import {createServer} from 'node:http'
import type {AddressInfo} from 'node:net'
import {describe, expect, it, onTestFinished} from 'vitest'
import type {Exit, Instance} from '../../../src/local-cloud/instances/instance.ts'
import {DEFAULT_STARTUP_PROBE, waitUntilReady} from '../../../src/local-cloud/instances/startup.ts'
import {ManualClock} from '../../support/manual-clock.ts'

function instanceAt(port: number, exited = new Promise<Exit>(() => undefined)): Instance {
  return {
    id: 'x',
    pid: 1,
    port,
    reach: {headers: {}, ports: new Map()},
    listening: Promise.resolve(),
    exited,
    stop: () => exited,
  }
}

const PROBE = {...DEFAULT_STARTUP_PROBE, timeoutSeconds: 1, periodSeconds: 1, failureThreshold: 3}

/** A gRPC server whose health is `status` for the service `db`, of which others know nothing. */
async function grpcServer(status: number): Promise<number> {
  const server = new Server()
  const plain = (bytes: Buffer): Buffer => bytes
  server.register(
    '/grpc.health.v1.Health/Check',
    (call: {request: Buffer}, respond: (error: Error | null, answer?: Buffer) => void) => {
      if (call.request.toString('latin1') === '\n\u0002db') respond(null, Buffer.from([8, status]))
      else respond(Object.assign(new Error('unknown service'), {code: 5}))
    },
    plain,
    plain,
    'unary',
  )
  onTestFinished(() => server.forceShutdown())
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    )
  })
}

describe('a gRPC startup probe', () => {
  it('is passed by a service that serves', async () => {
    const port = await grpcServer(1)
    const probe = {...PROBE, grpc: {service: 'db', port: undefined}}
    expect(await waitUntilReady(instanceAt(port), probe, new ManualClock())).toEqual({ready: true})
  })

  it.each([
    ['NOT_SERVING', 2, 'db'],
    ['unknown service', 1, 'other'],
  ])('tells %s', async (detail, status, service) => {
    const port = await grpcServer(status)
    const probe = {...PROBE, failureThreshold: 1, grpc: {service, port: undefined}}
    expect(await waitUntilReady(instanceAt(port), probe, new ManualClock())).toEqual({
      ready: false,
      why: 'unhealthy',
      detail: `gRPC health check of "${service}": ${detail}`,
    })
  })
})

describe('an HTTP startup probe', () => {
  it('is sent again in its period until it is passed, with its headers', async () => {
    const seen: (string | undefined)[] = []
    const server = createServer((request, response) => {
      seen.push(`${request.url} ${String(request.headers['x-probe'])}`)
      response.writeHead(seen.length < 3 ? 503 : 200).end()
    })
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    onTestFinished(() => void server.close())
    const address: AddressInfo | string | null = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const clock = new ManualClock()
    const probe = {
      ...PROBE,
      periodSeconds: 10,
      httpGet: {path: '/up', headers: {'x-probe': 'yes'}, port: undefined},
    }
    const result = waitUntilReady(instanceAt(port), probe, clock)
    for (let sent = 1; sent <= 3; sent++) {
      while (seen.length < sent)
        await new Promise((resolve) => {
          setTimeout(resolve, 5)
        })
      await new Promise((resolve) => {
        setTimeout(resolve, 20)
      })
      if (sent < 3) await clock.advance(9999)
      expect(seen).toHaveLength(sent)
      await clock.advance(1)
    }
    expect(await result).toEqual({ready: true})
    expect(seen).toEqual(Array.from({length: 3}, () => '/up yes'))
  })
})

it('an instance that ends is not waited for', async () => {
  const exited = Promise.resolve({
    code: 3,
    signal: null,
    outOfMemory: false,
    memory: {limitBytes: 0, peakBytes: undefined},
  })
  expect(await waitUntilReady(instanceAt(1, exited), DEFAULT_STARTUP_PROBE, new ManualClock())).toEqual({
    ready: false,
    why: 'exited',
    detail: 'exit code 3',
  })
})
