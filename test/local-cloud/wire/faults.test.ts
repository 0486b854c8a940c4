import {PubSub} from '@google-cloud/pubsub'
import {describe, expect, it, onTestFinished} from 'vitest'
import {LocalCloud} from '../../../src/local-cloud/index.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

async function start(options: Partial<Parameters<typeof LocalCloud.start>[0]> = {}): Promise<LocalCloud> {
  const cloud = await LocalCloud.start({stateFolder: await temporaryFolder(), ...options})
  onTestFinished(() => cloud[Symbol.asyncDispose]())
  return cloud
}

async function call(
  cloud: LocalCloud,
  method: string,
  path: string,
  body?: object,
): Promise<{status: number; json: Record<string, unknown>}> {
  const response = await fetch(`${cloud.endpoint}${path}`, {
    method,
    ...(body === undefined ? {} : {body: JSON.stringify(body)}),
  })
  const json: unknown = await response.json()
  return {status: response.status, json: {...(typeof json === 'object' ? json : {})}}
}

const plan = (cloud: LocalCloud, ...faults: object[]) => call(cloud, 'POST', '/_local-cloud/faults', {faults})

function pubsubOf(cloud: LocalCloud): PubSub {
  const pubsub = new PubSub({
    apiEndpoint: new URL(cloud.endpoint).host,
    emulatorMode: true,
    projectId: 'p-test',
  })
  onTestFinished(() => pubsub.close())
  return pubsub
}

describe('over HTTP', () => {
  it.each([403, 409, 429, 500, 503])('answers %d as often as asked, then continues', async (status) => {
    const cloud = await start({faults: [{on: {rpc: 'storage.buckets.list'}, answer: status, times: 2}]})
    expect(cloud.status().faults).toBe(1)
    const statuses: number[] = []
    for (let round = 0; round < 3; round++)
      statuses.push((await call(cloud, 'GET', '/storage/v1/b?project=p-test')).status)
    expect(statuses).toEqual([status, status, 200])
    expect(cloud.status().faults).toBe(0)
  })

  it('picks by method, path and principal, and says why in the form of the API', async () => {
    const cloud = await start()
    await plan(
      cloud,
      {
        on: {method: 'PUT', path: '/v1/projects/*/topics/tested'},
        answer: 'UNAVAILABLE',
        message: 'try again',
      },
      {on: {principal: 'serviceAccount:a@p-test.iam.gserviceaccount.com'}, answer: 500},
    )
    expect(await call(cloud, 'PUT', '/v1/projects/p-test/topics/other', {})).toMatchObject({status: 200})
    expect(await call(cloud, 'PUT', '/v1/projects/p-test/topics/tested', {})).toEqual({
      status: 503,
      json: {error: {code: 503, message: 'try again', status: 'UNAVAILABLE'}},
    })
    expect(await call(cloud, 'PUT', '/v1/projects/p-test/topics/tested', {})).toMatchObject({status: 200})
    expect(cloud.status().faults).toBe(1)
  })

  it('breaks the connection: at once, amid an upload, amid an answer', async () => {
    const cloud = await start()
    await call(cloud, 'POST', '/storage/v1/b?project=p-test', {name: 'bucket'})
    const upload = () =>
      fetch(`${cloud.endpoint}/upload/storage/v1/b/bucket/o?uploadType=media&name=x`, {
        method: 'POST',
        body: Buffer.alloc(500_000, 'x'),
      })
    await plan(
      cloud,
      {on: {rpc: 'storage.objects.insert'}, break: true},
      {on: {rpc: 'storage.objects.insert'}, break: true, afterRequestBytes: 300_000},
      {on: {rpc: 'storage.objects.get'}, break: true, afterResponseBytes: 1000},
    )
    await expect(upload()).rejects.toThrow('fetch failed')
    await expect(upload()).rejects.toThrow('fetch failed')
    expect((await call(cloud, 'GET', '/storage/v1/b/bucket/o')).json).not.toHaveProperty('items')
    expect((await upload()).status).toBe(200)
    const download = async () =>
      Buffer.from(await (await fetch(`${cloud.endpoint}/bucket/x`)).arrayBuffer()).length
    await expect(download()).rejects.toThrow('terminated')
    expect(await download()).toBe(500_000)
  })

  it('does the work and loses the answer', async () => {
    const cloud = await start()
    await plan(
      cloud,
      {on: {rpc: 'google.pubsub.v1.Publisher/CreateTopic'}, answer: 503, afterResponseBytes: 0},
      {on: {rpc: 'google.pubsub.v1.Publisher/CreateTopic'}, break: true, afterResponseBytes: 0},
    )
    expect((await call(cloud, 'PUT', '/v1/projects/p-test/topics/first', {})).status).toBe(503)
    await expect(call(cloud, 'PUT', '/v1/projects/p-test/topics/second', {})).rejects.toThrow('fetch failed')
    expect((await call(cloud, 'GET', '/v1/projects/p-test/topics')).json['topics']).toHaveLength(2)
  })

  it('hangs until the client disconnects, and delays', async () => {
    const cloud = await start()
    await plan(cloud, {on: {path: '/storage/**'}, hang: true}, {on: {path: '/storage/**'}, delayMs: 60})
    await expect(
      fetch(`${cloud.endpoint}/storage/v1/b?project=p-test`, {signal: AbortSignal.timeout(50)}),
    ).rejects.toThrow('timeout')
    const begun = performance.now()
    expect((await call(cloud, 'GET', '/storage/v1/b?project=p-test')).status).toBe(200)
    expect(performance.now() - begun).toBeGreaterThan(50)
  })
})

describe('over gRPC', () => {
  it('answers the code that goes with the status', async () => {
    const cloud = await start()
    const topics = pubsubOf(cloud)
    await plan(
      cloud,
      {on: {rpc: 'google.pubsub.v1.Publisher/CreateTopic'}, answer: 403},
      {on: {rpc: 'google.pubsub.v1.Publisher/CreateTopic'}, answer: 'ALREADY_EXISTS'},
    )
    await expect(topics.createTopic('tested')).rejects.toMatchObject({code: 7})
    await expect(topics.createTopic('tested')).rejects.toMatchObject({code: 6})
    await topics.createTopic('tested')
  })

  it('breaks the connection after the work: the client publishes again, and there are two', async () => {
    const cloud = await start()
    const pubsub = pubsubOf(cloud)
    const [topic] = await pubsub.createTopic('tested')
    const [subscription] = await topic.createSubscription('subscribed')
    await plan(cloud, {on: {rpc: 'google.pubsub.v1.Publisher/*'}, break: true, afterResponseBytes: 0})
    await topic.publishMessage({data: Buffer.from('once')})
    const {json} = await call(cloud, 'POST', `/v1/${subscription.name}:pull`, {maxMessages: 10})
    expect(json['receivedMessages']).toHaveLength(2)
  })
})

describe('a stream', () => {
  it('that is broken is opened again by the client, and the message comes', async () => {
    const cloud = await start()
    const pubsub = pubsubOf(cloud)
    const [topic] = await pubsub.createTopic('streamed')
    const [subscription] = await topic.createSubscription('streamed')
    await plan(cloud, {on: {rpc: 'google.pubsub.v1.Subscriber/StreamingPull'}, answer: 'UNAVAILABLE'})
    const received = new Promise<string>((resolve) => {
      subscription.on('message', (message) => {
        message.ack()
        resolve(message.data.toString())
      })
    })
    await topic.publishMessage({data: Buffer.from('at last')})
    expect(await received).toBe('at last')
    expect(cloud.status().faults).toBe(0)
    await subscription.close()
  })
})

describe('the control calls', () => {
  it('list what is left, take one away, and all', async () => {
    const cloud = await start()
    const {json} = await plan(
      cloud,
      {on: {path: '**'}, answer: 500, times: 3},
      {on: {rpc: 'storage.objects.get'}, break: true, afterResponseBytes: 10},
    )
    expect(json).toEqual({
      faults: [
        {id: expect.any(String), on: {path: '**'}, answer: 500, times: 3, left: 3},
        {
          id: expect.any(String),
          on: {rpc: 'storage.objects.get'},
          break: true,
          afterResponseBytes: 10,
          left: 1,
        },
      ],
    })
    // Control calls are beyond all faults.
    expect((await call(cloud, 'GET', '/_local-cloud/faults')).json).toEqual(json)
    const listed: {id: string}[] = JSON.parse(JSON.stringify(json['faults']))
    const [first] = listed
    await call(cloud, 'DELETE', `/_local-cloud/faults/${first?.id}`)
    expect(await call(cloud, 'DELETE', `/_local-cloud/faults/${first?.id}`)).toMatchObject({status: 404})
    expect(cloud.status().faults).toBe(1)
    await call(cloud, 'DELETE', '/_local-cloud/faults')
    expect(cloud.status().faults).toBe(0)
  })

  it.each([
    [{on: {path: '/x'}}, 'faults[0] must have exactly one of answer, hang, break, delayMs'],
    [{on: {path: '/x'}, hang: true, break: true}, 'faults[0] must have exactly one of'],
    [{on: {}, hang: true}, 'faults[0].on must name a call'],
    [{on: {url: '/x'}, hang: true}, 'faults[0].on.url is not a field'],
    [{on: {path: '/x'}, answer: 200}, 'faults[0].answer must be an HTTP status from 400 to 599'],
    [{on: {path: '/x'}, answer: 500, times: 0}, 'faults[0].times must be at least 1'],
    [
      {on: {path: '/x'}, answer: 500, afterResponseBytes: 9},
      'faults[0].afterResponseBytes must be 0 with "answer"',
    ],
    [{on: {path: '/x'}, delayMs: -1}, 'faults[0].delayMs must be a whole number'],
    [{on: {path: '/x'}, hang: true, when: 'now'}, 'faults[0].when is not a field'],
  ])('refuse %j', async (fault, message) => {
    const cloud = await start()
    expect(await plan(cloud, fault)).toMatchObject({
      status: 400,
      json: {error: {message: expect.stringContaining(message)}},
    })
  })
})
