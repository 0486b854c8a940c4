import {AckError, type Message} from '@google-cloud/pubsub'
import {expect, test} from 'vitest'
import {ManualClock} from '../../support/manual-clock.ts'
import {type PubsubServer, startPubsub} from '../../support/pubsub-server.ts'

async function start(clock?: ManualClock): Promise<PubsubServer> {
  const server = await startPubsub(clock === undefined ? {} : {clock})
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
  const server = await start(clock)
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
