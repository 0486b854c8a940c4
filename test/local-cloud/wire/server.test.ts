import {connect} from 'node:net'
import {PubSub} from '@google-cloud/pubsub'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {ApiError} from '../../../src/local-cloud/wire/api-error.ts'
import {route} from '../../../src/local-cloud/wire/routes.ts'
import type {RpcService} from '../../../src/local-cloud/wire/rpc.ts'
import {createServerOf, type Listener} from '../../../src/local-cloud/wire/server.ts'

interface Topic {
  name: string
  labels?: Record<string, string>
  messageRetentionDuration?: string
}

const topics = new Map<string, Topic>()
const publisher: RpcService = {
  service: 'google.pubsub.v1.Publisher',
  unary: {
    CreateTopic(topic: Topic) {
      if (topics.has(topic.name)) throw new ApiError('ALREADY_EXISTS', 'Topic already exists')
      topics.set(topic.name, topic)
      return topic
    },
    GetTopic({topic}: {topic: string}) {
      const found = topics.get(topic)
      if (!found) throw new ApiError('NOT_FOUND', `Resource not found (resource=${topic}).`)
      return found
    },
    UpdateTopic: (request: object) => request,
    Publish: ({messages}: {messages: {data?: string}[]}) => ({
      messageIds: messages.map(({data}) => data ?? ''),
    }),
  },
}
const routes = [
  route('GET', '/b/:bucket/o/:object', ({params}) => ({json: params})),
  route('GET', '/caller', ({call}) => ({json: {principal: call.principal}})),
  route(
    'GET',
    '/unsendable',
    () => {
      throw new ApiError('NOT_FOUND', 'There is none.')
    },
    () => ({status: 404, headers: {'x-name': '漢'}}),
  ),
  route('POST', '/bytes', async ({bytes}) => ({json: {size: (await bytes(1000)).length}})),
]

let listener: Listener
let pubsub: PubSub
const errors: unknown[] = []

beforeAll(async () => {
  const server = createServerOf({routes, services: [publisher], report: (error) => errors.push(error)})
  listener = await server.listen(0, () => 'owner')
  pubsub = new PubSub({apiEndpoint: `127.0.0.1:${listener.port}`, emulatorMode: true, projectId: 'p'})
})

afterAll(async () => {
  await pubsub.close()
  await listener.close()
})

const call = async (
  method: string,
  path: string,
  body?: unknown,
): Promise<{status: number; json: unknown}> => {
  const response = await fetch(`${listener.origin}${path}`, {
    method,
    ...(body === undefined ? {} : {body: JSON.stringify(body)}),
  })
  return {status: response.status, json: await response.json()}
}

describe('one port, two wires', () => {
  it('serves the unmodified client over gRPC and fetch over REST from one handler', async () => {
    await pubsub.createTopic({
      name: 'projects/p/topics/both',
      labels: {a: 'b'},
      messageRetentionDuration: {seconds: 600},
    })
    expect((await call('GET', '/v1/projects/p/topics/both')).json).toEqual({
      name: 'projects/p/topics/both',
      labels: {a: 'b'},
      messageRetentionDuration: '600s',
    })
    const [metadata] = await pubsub.topic('both').getMetadata()
    expect(metadata.labels).toEqual({a: 'b'})
    expect(await pubsub.topic('both').publishMessage({data: Buffer.from('x')})).toBe(
      Buffer.from('x').toString('base64'),
    )
  })

  it('maps an error to gRPC and to REST', async () => {
    await expect(pubsub.topic('missing').getMetadata()).rejects.toMatchObject({
      code: 5,
      details: 'Resource not found (resource=projects/p/topics/missing).',
    })
    expect(await call('GET', '/v1/projects/p/topics/missing')).toEqual({
      status: 404,
      json: {
        error: {
          code: 404,
          status: 'NOT_FOUND',
          message: 'Resource not found (resource=projects/p/topics/missing).',
        },
      },
    })
  })

  it('names a method that is not served', async () => {
    await expect(pubsub.topic('x').delete()).rejects.toMatchObject({code: 12})
    expect(await call('DELETE', '/v1/projects/p/topics/x')).toMatchObject({
      status: 400,
      json: {error: {message: 'google.pubsub.v1.Publisher/DeleteTopic is not served by the local cloud.'}},
    })
    expect(await call('GET', '/nothing')).toMatchObject({
      status: 400,
      json: {error: {message: 'GET /nothing is not served by the local cloud.'}},
    })
  })
})

describe('field checks', () => {
  it('refuses an unknown field and a wrong type, naming both', async () => {
    expect(await call('PUT', '/v1/projects/p/topics/t1', {lables: {}})).toMatchObject({
      status: 400,
      json: {error: {message: `Invalid JSON payload received. Unknown name "lables": Cannot find field.`}},
    })
    expect(await call('PUT', '/v1/projects/p/topics/t1', {labels: 3})).toMatchObject({
      status: 400,
      json: {error: {message: `Invalid value at 'labels' (map), 3`}},
    })
    expect(
      await call('PUT', '/v1/projects/p/topics/t1', {messageRetentionDuration: '10 minutes'}),
    ).toMatchObject({status: 400})
    expect(await call('GET', '/v1/projects/p/topics/t1?what=1')).toMatchObject({status: 400})
  })

  it('accepts snake_case, drops null, keeps an empty object, and leaves unsent fields absent', async () => {
    const {json} = await call('PUT', '/v1/projects/p/topics/t2', {
      message_retention_duration: '700s',
      labels: {},
      kmsKeyName: null,
    })
    expect(json).toEqual({name: 'projects/p/topics/t2', messageRetentionDuration: '700s', labels: {}})
  })

  it('binds query parameters, nested and repeated', async () => {
    const {json} = await call('PATCH', '/v1/projects/p/topics/t2?updateMask=labels', {
      topic: {labels: {c: 'd'}},
    })
    expect(json).toEqual({topic: {name: 'projects/p/topics/t2', labels: {c: 'd'}}, updateMask: 'labels'})
  })

  it('says where JSON is broken', async () => {
    const response = await fetch(`${listener.origin}/v1/projects/p/topics/t3`, {
      method: 'PUT',
      body: '{"labels":',
    })
    expect(response.status).toBe(400)
    expect(await response.text()).toContain('Invalid JSON payload received.')
  })
})

describe('plain routes', () => {
  it('keeps an escaped slash inside its segment', async () => {
    expect((await call('GET', '/b/bucket/o/folder%2Ffile%20%C3%A4.csv')).json).toEqual({
      bucket: 'bucket',
      object: 'folder/file ä.csv',
    })
  })

  it('limits bodies', async () => {
    expect(await call('POST', '/bytes', 'x'.repeat(2000))).toMatchObject({
      status: 400,
      json: {error: {message: 'Request payload size exceeds the limit: 1000 bytes.'}},
    })
    expect(await call('POST', '/bytes', 'x')).toMatchObject({status: 200, json: {size: 3}})
  })

  it('ends the connection if even the error cannot be sent, and serves the others', async () => {
    await expect(call('GET', '/unsendable')).rejects.toThrow('fetch failed')
    expect(await call('GET', '/caller')).toMatchObject({status: 200})
  })

  it('distinguishes callers by listener', async () => {
    const server = createServerOf({routes, services: [], report: () => {}})
    const other = await server.listen(0, () => 'serviceAccount:worker@p.iam.gserviceaccount.com')
    expect(await (await fetch(`${other.origin}/caller`)).json()).toEqual({
      principal: 'serviceAccount:worker@p.iam.gserviceaccount.com',
    })
    expect((await call('GET', '/caller')).json).toEqual({principal: 'owner'})
    await other.close()
  })
})

describe('loopback only', () => {
  const raw = (head: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(listener.port, '127.0.0.1', () => socket.write(head))
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk.toString()
        if (text.includes('\r\n\r\n')) socket.end()
      })
      socket.on('close', () => resolve(text))
      socket.on('error', reject)
    })

  it('refuses a foreign Host, two Hosts and a foreign Origin', async () => {
    expect(await raw('GET /caller HTTP/1.1\r\nHost: evil.example\r\n\r\n')).toMatch(/^HTTP\/1.1 403/)
    expect(await raw('GET /caller HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n')).toMatch(
      /^HTTP\/1.1 40[03]/,
    )
    expect(
      await raw('GET /caller HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://evil.example\r\n\r\n'),
    ).toMatch(/^HTTP\/1.1 403/)
    expect(await raw('GET /caller HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')).toMatch(/^HTTP\/1.1 200/)
  })

  it.each([
    ['cross-site', 403],
    ['same-site', 403],
    ['same-origin', 200],
    ['none', 200],
  ])('answers a browser that sends no Origin by its Sec-Fetch-Site: %s', async (site, status) => {
    const answer = await raw(`GET /caller HTTP/1.1\r\nHost: 127.0.0.1\r\nSec-Fetch-Site: ${site}\r\n\r\n`)
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  })

  it('answers no page of another port of this machine', async () => {
    expect(
      await raw(
        'GET /caller HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1:3000\r\nSec-Fetch-Site: same-site\r\n\r\n',
      ),
    ).toMatch(/^HTTP\/1.1 403/)
  })

  it('reads a request that comes byte by byte', async () => {
    const text = await new Promise<string>((resolve, reject) => {
      const socket = connect(listener.port, '127.0.0.1')
      socket.setNoDelay(true)
      const head =
        'PUT /v1/projects/p/topics/slow HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}'
      const send = (index: number): void => {
        if (index < head.length) socket.write(head.charAt(index), () => setImmediate(send, index + 1))
      }
      socket.on('connect', () => send(0))
      let answer = ''
      socket.on('data', (chunk) => (answer += chunk.toString()))
      socket.on('close', () => resolve(answer))
      socket.on('error', reject)
    })
    expect(text).toContain('projects/p/topics/slow')
  })
})

it('reports nothing as its own fault', () => {
  expect(errors).toEqual([])
})
