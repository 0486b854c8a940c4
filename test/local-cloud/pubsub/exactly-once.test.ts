import {AckError, type Message} from '@google-cloud/pubsub'
import {once} from 'node:events'
import {PassThrough} from 'node:stream'
import {setImmediate as nextTurn} from 'node:timers/promises'
import {expect, test} from 'vitest'
import {formatAckId} from '../../../src/local-cloud/pubsub/ack-ids.ts'
import {DeliveryQueue} from '../../../src/local-cloud/pubsub/delivery-queue.ts'
import {openStream} from '../../../src/local-cloud/pubsub/streaming-pull.ts'
import {ManualClock} from '../../support/manual-clock.ts'
import {type PubsubServer, startPubsub} from '../../support/pubsub-server.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

async function start(options: {clock?: ManualClock; folder?: string} = {}): Promise<PubsubServer> {
  const server = await startPubsub(options)
  await server.call('PUT', 'topics/orders', {})
  const topic = 'projects/p/topics/orders'
  const created = await server.call('PUT', 'subscriptions/sub', {topic, enableExactlyOnceDelivery: true})
  expect(created).toMatchObject({status: 200, body: {enableExactlyOnceDelivery: true}})
  await server.call('POST', 'topics/orders:publish', {messages: [{data: 'YQ=='}]})
  return server
}

async function pullOne(server: PubsubServer): Promise<string> {
  const {body} = await server.call('POST', 'subscriptions/sub:pull', {maxMessages: 1})
  const [{ackId}] = JSON.parse(JSON.stringify(body['receivedMessages']))
  return ackId
}

test('an acknowledgement counts until the deadline, and once', async () => {
  const clock = new ManualClock()
  const server = await start({clock})
  const expired = await pullOne(server)
  await clock.advance(10_000)
  const ackId = await pullOne(server)
  const refused = {
    status: 400,
    body: {
      error: {
        status: 'INVALID_ARGUMENT',
        details: [
          {
            reason: 'EXACTLY_ONCE_ACKID_FAILURE',
            metadata: {[expired]: 'PERMANENT_FAILURE_INVALID_ACK_ID'},
          },
        ],
      },
    },
  }
  const acknowledge = (...ackIds: string[]): Promise<object> =>
    server.call('POST', 'subscriptions/sub:acknowledge', {ackIds})
  expect(await acknowledge(expired)).toMatchObject(refused)
  const late = {ackIds: [expired], ackDeadlineSeconds: 20}
  expect(await server.call('POST', 'subscriptions/sub:modifyAckDeadline', late)).toMatchObject(refused)
  expect(await acknowledge(ackId)).toEqual({status: 200, body: {}})
  expect(await acknowledge(ackId)).toMatchObject({status: 400})
})

test('an ack id from before a restart does not acknowledge a delivery after it', async () => {
  const folder = await temporaryFolder()
  let old: string
  {
    await using server = await start({folder})
    old = await pullOne(server)
  }
  const server = await startPubsub({folder})
  const ackId = await pullOne(server)
  const acknowledge = async (id: string): Promise<number> =>
    (await server.call('POST', 'subscriptions/sub:acknowledge', {ackIds: [id]})).status
  expect([await acknowledge(old), await acknowledge(ackId)]).toEqual([400, 200])
})

test("Google's client learns whether its acknowledgement counts", async () => {
  const server = await start()
  const subscription = server.client.subscription('sub')
  const received: Message[] = []
  const message = async (count: number): Promise<Message | undefined> => {
    await expect.poll(() => received.length).toBe(count)
    return received.at(-1)
  }
  subscription.on('message', (next: Message) => received.push(next))
  expect(await (await message(1))?.ackWithResponse()).toBe('SUCCESS')
  await server.call('POST', 'topics/orders:publish', {messages: [{data: 'Yg=='}]})
  const second = await message(2)
  const ackIds = [second?.ackId]
  await server.call('POST', 'subscriptions/sub:acknowledge', {ackIds})
  await expect(second?.ackWithResponse()).rejects.toThrow(AckError)
  await subscription.close()
})

test('a stream whose client sends no more still confirms what is being acknowledged', async () => {
  const committed = Promise.withResolvers<void>()
  const queue = new DeliveryQueue(
    {
      ackDeadlineMs: 10_000,
      retentionMs: 600_000,
      retainAcknowledged: false,
      ordered: false,
      detached: false,
      retry: undefined,
      deadLetter: undefined,
      push: undefined,
      exactlyOnce: true,
    },
    {
      clock: new ManualClock(),
      records: {
        acknowledge: () => committed.promise,
        recordFailures: () => undefined,
        forwardDeadLetter: () => Promise.resolve(false),
        changed: () => undefined,
      },
    },
  )
  queue.add([{message: 1, publishTime: Date.parse('2026-01-01'), orderingKey: '', bytes: 1, failures: 0}])
  const requests = new PassThrough({objectMode: true})
  requests.write({subscription: 'sub', streamAckDeadlineSeconds: 10})
  const answers = openStream(requests, new AbortController().signal, () => ({
    key: 1,
    queue,
    ordered: false,
    receive: (lease) => [{ackId: formatAckId(1, lease)}],
  }))
  await answers.next()
  const {value} = await answers.next()
  const [{ackId}] = JSON.parse(JSON.stringify(Object(value).receivedMessages))
  requests.end({ackIds: [ackId]})
  const last = answers.next()
  await once(requests, 'close')
  await nextTurn()
  committed.resolve()
  expect(await last).toMatchObject({value: {acknowledgeConfirmation: {ackIds: [ackId], invalidAckIds: []}}})
  expect(await answers.next()).toEqual({done: true, value: undefined})
})
