import {type Message, type PubSub, type Subscription} from '@google-cloud/pubsub'
import {expect, test} from 'vitest'
import {startPubsub} from '../../support/pubsub-server.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

/** Google's own client, as it is, over gRPC. */
async function make(client: PubSub, options: object = {}): Promise<Subscription> {
  const [topic] = await client.createTopic('orders')
  const [subscription] = await topic.createSubscription('worker', options)
  return subscription
}

/** The first `count` messages that `handle` gets. */
async function receive(
  subscription: Subscription,
  count: number,
  handle: (message: Message) => void,
): Promise<Message[]> {
  const received: Message[] = []
  await new Promise<void>((resolve, reject) => {
    subscription.on('error', reject)
    subscription.on('message', (message: Message) => {
      received.push(message)
      handle(message)
      if (received.length === count) resolve()
    })
  })
  return received
}

test('streams messages to a subscriber, which acknowledges them', async () => {
  const {client, state} = await startPubsub()
  const subscription = await make(client)
  const topic = client.topic('orders')
  const ids = await Promise.all(
    Array.from({length: 50}, (_, index) =>
      topic.publishMessage({data: Buffer.from(`${index}`), attributes: {index: `${index}`}}),
    ),
  )
  const received = await receive(subscription, 50, (message) => message.ack())
  expect(received.map(({id}) => id).toSorted()).toEqual(ids.toSorted())
  expect(received.every(({data, attributes}) => data.toString() === attributes['index'])).toBe(true)
  expect(Math.abs((received[0]?.publishTime.getTime() ?? 0) - Date.now())).toBeLessThan(60_000)
  await subscription.close()
  await expect
    .poll(() => state.database.prepare('SELECT count(*) AS n FROM pubsub_backlog').get())
    .toEqual({n: 0})
})

test('a refused message is delivered again', async () => {
  const {client} = await startPubsub()
  const subscription = await make(client)
  let deliveries = 0
  const receiving = receive(subscription, 2, (message) => {
    deliveries++
    if (deliveries === 1) message.nack()
    else message.ack()
  })
  const id = await client.topic('orders').publishMessage({data: Buffer.from('a')})
  expect((await receiving).map((message) => message.id)).toEqual([id, id])
})

test('flow control bounds what is out', async () => {
  const {client} = await startPubsub()
  await make(client)
  const topic = client.topic('orders')
  for (let index = 0; index < 10; index++) await topic.publishMessage({data: Buffer.from(`${index}`)})
  const subscription = client.subscription('worker', {
    flowControl: {maxMessages: 3},
    streamingOptions: {maxStreams: 1},
  })
  let out = 0
  let most = 0
  await receive(subscription, 10, (message) => {
    most = Math.max(most, ++out)
    setTimeout(() => {
      out--
      message.ack()
    }, 5)
  })
  expect(most).toBeLessThanOrEqual(3)
})

test('keeps the order of a key', async () => {
  const {client} = await startPubsub()
  const subscription = await make(client, {enableMessageOrdering: true})
  const topic = client.topic('orders', {messageOrdering: true})
  for (let index = 0; index < 20; index++)
    void topic.publishMessage({data: Buffer.from(`${index}`), orderingKey: 'k'})
  const received = await receive(subscription, 20, (message) => message.ack())
  expect(received.map(({data}) => Number(data))).toEqual(Array.from({length: 20}, (_, index) => index))
})

test('sees resources and errors as Google shows them', async () => {
  const {client} = await startPubsub()
  await make(client, {labels: {a: 'b'}, retryPolicy: {minimumBackoff: {seconds: 10}}, filter: 'attributes:x'})
  await expect(client.createTopic('orders')).rejects.toMatchObject({code: 6})
  await expect(client.topic('nothing').publishMessage({data: Buffer.from('a')})).rejects.toMatchObject({
    code: 5,
  })
  await expect(client.createTopic('ok')).rejects.toMatchObject({code: 3})
  const [metadata] = await client.subscription('worker').getMetadata()
  expect(metadata).toMatchObject({
    topic: 'projects/p/topics/orders',
    ackDeadlineSeconds: 10,
    labels: {a: 'b'},
    filter: 'attributes:x',
    messageRetentionDuration: {seconds: '604800'},
    expirationPolicy: {ttl: {seconds: '2678400'}},
    retryPolicy: {minimumBackoff: {seconds: '10'}, maximumBackoff: {seconds: '600'}},
    state: 'ACTIVE',
  })
  await client.subscription('worker').setMetadata({ackDeadlineSeconds: 60, labels: {}})
  const [changed] = await client.subscription('worker').getMetadata()
  expect(changed).toMatchObject({ackDeadlineSeconds: 60, labels: {}, filter: 'attributes:x'})
  const [subscriptions] = await client.topic('orders').getSubscriptions()
  expect(subscriptions.map(({name}) => name)).toEqual(['projects/p/subscriptions/worker'])
  await client.topic('orders').delete()
  expect((await client.subscription('worker').getMetadata())[0]?.topic).toBe('_deleted-topic_')
  await client.subscription('worker').delete()
  await expect(client.subscription('worker').getMetadata()).rejects.toMatchObject({code: 5})
})

test('messages outlive a restart, acknowledged ones do not come again', async () => {
  const folder = await temporaryFolder()
  {
    await using server = await startPubsub({folder})
    const subscription = await make(server.client)
    await server.client.topic('orders').publishMessage({data: Buffer.from('first')})
    await receive(subscription, 1, (message) => message.ack())
    await subscription.close()
    await server.client.topic('orders').publishMessage({data: Buffer.from('second')})
  }
  const {client} = await startPubsub({folder})
  const [message] = await receive(client.subscription('worker'), 1, (received) => received.ack())
  expect(message?.data.toString()).toBe('second')
})

test('reads and sets policies', async () => {
  const {client} = await startPubsub()
  await make(client)
  const {iam} = client.topic('orders')
  const [policy] = await iam.getPolicy()
  const bindings = [{role: 'roles/pubsub.publisher', members: ['serviceAccount:a@p.iam.gserviceaccount.com']}]
  await iam.setPolicy({...policy, bindings})
  expect((await iam.getPolicy())[0]).toMatchObject({bindings})
  await expect(iam.setPolicy({...policy, bindings})).rejects.toMatchObject({code: 10})
  const [permissions] = await client
    .subscription('worker')
    .iam.testPermissions(['pubsub.subscriptions.consume'])
  expect(permissions).toEqual({'pubsub.subscriptions.consume': true})
})
