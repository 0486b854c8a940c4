import type {Message} from '@google-cloud/pubsub'
import {expect, test} from 'vitest'
import {ManualClock} from '../../support/manual-clock.ts'
import {type PubsubServer, startPubsub} from '../../support/pubsub-server.ts'

interface Received {
  readonly ackId: string
  readonly text: string
}

/** A server with an ordered subscription `sub`, and the messages `0` to `count - 1` of one key, each published alone. */
async function publishOrdered(count: number, clock?: ManualClock): Promise<PubsubServer> {
  const server = await startPubsub(clock === undefined ? {} : {clock})
  await server.call('PUT', 'topics/orders', {})
  await server.call('PUT', 'subscriptions/sub', {
    topic: 'projects/p/topics/orders',
    enableMessageOrdering: true,
  })
  for (let index = 0; index < count; index++)
    await server.call('POST', 'topics/orders:publish', {
      messages: [{data: Buffer.from(`${index}`).toString('base64'), orderingKey: 'k'}],
    })
  return server
}

async function pull(server: PubsubServer, maxMessages = 50): Promise<Received[]> {
  const {body} = await server.call('POST', 'subscriptions/sub:pull', {maxMessages, returnImmediately: true})
  const received = Array.isArray(body['receivedMessages']) ? body['receivedMessages'] : []
  return received.map(({ackId, message}: {ackId: string; message: {data: string}}) => ({
    ackId,
    text: Buffer.from(message.data, 'base64').toString(),
  }))
}

const texts = (received: readonly Received[]): string => received.map(({text}) => text).join('')

test('one pull gets several messages of a key, in order, and no other pull gets one meanwhile', async () => {
  const server = await publishOrdered(6)
  const first = await pull(server, 4)
  expect(texts(first)).toBe('0123')
  expect(await pull(server)).toEqual([])
  await server.call('POST', 'subscriptions/sub:acknowledge', {ackIds: first.map(({ackId}) => ackId)})
  expect(texts(await pull(server))).toBe('45')
})

test('what follows a refused message comes again after it, and what precedes it does not', async () => {
  const server = await publishOrdered(4)
  const [zero, one] = await pull(server)
  const refuse = {ackIds: [one?.ackId], ackDeadlineSeconds: 0}
  await server.call('POST', 'subscriptions/sub:modifyAckDeadline', refuse)
  expect(await pull(server)).toEqual([])
  await server.call('POST', 'subscriptions/sub:acknowledge', {ackIds: [zero?.ackId]})
  expect(texts(await pull(server))).toBe('123')
})

test('a deadline that passes brings a key again in order', async () => {
  const clock = new ManualClock()
  const server = await publishOrdered(3, clock)
  expect(texts(await pull(server))).toBe('012')
  await clock.advance(10_000)
  expect(texts(await pull(server))).toBe('012')
})

test('a stream gets the next message of a key before the last is acknowledged', async () => {
  const server = await publishOrdered(3)
  const subscription = server.client.subscription('sub')
  const received: Message[] = []
  subscription.on('message', (message: Message) => received.push(message))
  await expect.poll(() => received.length).toBe(3)
  await server.call('POST', 'topics/orders:publish', {messages: [{data: 'Mw==', orderingKey: 'k'}]})
  await expect.poll(() => received.map(({data}) => data.toString()).join('')).toBe('0123')
  for (const message of received) message.ack()
  await subscription.close()
})
