import {expect, test} from 'vitest'
import {ManualClock} from '../../support/manual-clock.ts'
import {type PubsubServer, startPubsub} from '../../support/pubsub-server.ts'
import {advanceUntil, type PushEndpoint, startPushEndpoint} from '../../support/push-endpoint.ts'

const DEAD = 'projects/p/topics/dead'
const MAIN = 'projects/p/subscriptions/main'

async function setUp(server: PubsubServer, endpoint: PushEndpoint): Promise<void> {
  await server.call('PUT', 'topics/orders', {})
  await server.call('PUT', 'topics/dead', {})
  await server.call('PUT', 'subscriptions/dead', {topic: DEAD})
  await server.call('PUT', 'subscriptions/main', {
    topic: 'projects/p/topics/orders',
    pushConfig: {pushEndpoint: endpoint.url},
    deadLetterPolicy: {deadLetterTopic: DEAD, maxDeliveryAttempts: 5},
  })
}

async function grant(server: PubsubServer): Promise<void> {
  const members = [`serviceAccount:${server.agents.pubsub('p')}`]
  await server.access.setPolicy(DEAD, {bindings: [{role: 'roles/pubsub.publisher', members}]})
  await server.access.setPolicy(MAIN, {bindings: [{role: 'roles/pubsub.subscriber', members}]})
}

async function deadLetters(server: PubsubServer): Promise<Record<string, unknown>> {
  return (await server.call('POST', 'subscriptions/dead:pull', {maxMessages: 10, returnImmediately: true}))
    .body
}

test('after its last attempt a message goes to the dead-letter topic with its origin', async () => {
  const clock = new ManualClock()
  const server = await startPubsub({clock})
  const endpoint = await startPushEndpoint((pushed) => pushed.answer(500))
  await setUp(server, endpoint)
  await grant(server)
  await server.call('POST', 'topics/orders:publish', {
    messages: [{data: 'aGk=', attributes: {objectId: 'a.csv'}, orderingKey: 'k'}],
  })
  await advanceUntil(clock, endpoint, () => endpoint.seen.length === 5, 500)
  expect(endpoint.seen.map(({json}) => json.deliveryAttempt)).toEqual([1, 2, 3, 4, 5])
  await expect
    .poll(() => deadLetters(server))
    .toMatchObject({
      receivedMessages: [
        {
          message: {
            data: 'aGk=',
            orderingKey: 'k',
            attributes: {
              objectId: 'a.csv',
              CloudPubSubDeadLetterSourceDeliveryCount: '5',
              CloudPubSubDeadLetterSourceSubscription: 'main',
              CloudPubSubDeadLetterSourceSubscriptionProject: 'p',
              CloudPubSubDeadLetterSourceTopicPublishTime: '2026-01-01T00:00:00.000Z',
            },
          },
        },
      ],
    })
  await clock.advance(700_000)
  await endpoint.settled()
  expect(endpoint.seen).toHaveLength(5)
})

test("without the service agent's grants it is delivered on and on, and the denial is kept", async () => {
  const clock = new ManualClock()
  const server = await startPubsub({clock})
  const endpoint = await startPushEndpoint((pushed) => pushed.answer(500))
  await setUp(server, endpoint)
  await server.call('POST', 'topics/orders:publish', {messages: [{data: 'aGk='}]})
  await advanceUntil(clock, endpoint, () => endpoint.seen.length === 7, 500)
  expect(await deadLetters(server)).toEqual({})
  expect(server.access.denials()).toContainEqual(
    expect.objectContaining({
      principal: `serviceAccount:${server.agents.pubsub('p')}`,
      permission: 'pubsub.topics.publish',
      resource: DEAD,
    }),
  )
  await grant(server)
  await advanceUntil(clock, endpoint, () => endpoint.seen.length === 8, 500)
  await expect
    .poll(() => deadLetters(server))
    .toMatchObject({
      receivedMessages: [{message: {attributes: {CloudPubSubDeadLetterSourceDeliveryCount: '8'}}}],
    })
})

test('pulled messages that are refused or let expire are dead-lettered too', async () => {
  const clock = new ManualClock()
  const server = await startPubsub({clock})
  const endpoint = await startPushEndpoint((pushed) => pushed.answer(500))
  await setUp(server, endpoint)
  await grant(server)
  await server.call('POST', 'subscriptions/main:modifyPushConfig', {pushConfig: {}})
  await server.call('POST', 'topics/orders:publish', {messages: [{data: 'aGk='}]})
  const attempts = []
  for (let attempt = 1; attempt <= 5; attempt++) {
    const {body} = await server.call('POST', 'subscriptions/main:pull', {
      maxMessages: 1,
      returnImmediately: true,
    })
    const [received] = Array.isArray(body['receivedMessages']) ? body['receivedMessages'] : []
    attempts.push(received.deliveryAttempt)
    if (attempt % 2 === 0) await clock.advance(10_000)
    else
      await server.call('POST', 'subscriptions/main:modifyAckDeadline', {
        ackIds: [received.ackId],
        ackDeadlineSeconds: 0,
      })
  }
  expect(attempts).toEqual([1, 2, 3, 4, 5])
  await expect.poll(() => deadLetters(server)).toHaveProperty('receivedMessages')
})

test('dead letters and messages published meanwhile arrive in the order of their ids', async () => {
  const server = await startPubsub()
  await server.call('PUT', 'topics/orders', {})
  await server.call('PUT', 'topics/dead', {})
  await server.call('PUT', 'subscriptions/dead', {topic: DEAD, enableMessageOrdering: true})
  await server.call('PUT', 'subscriptions/main', {
    topic: 'projects/p/topics/orders',
    deadLetterPolicy: {deadLetterTopic: DEAD, maxDeliveryAttempts: 5},
  })
  await grant(server)
  const message = {data: 'aGk=', orderingKey: 'k'}
  const messages = Array.from({length: 50}, () => message)
  await server.call('POST', 'topics/orders:publish', {messages})
  const ackIds = async (): Promise<string[]> => {
    const {body} = await server.call('POST', 'subscriptions/main:pull', {
      maxMessages: 50,
      returnImmediately: true,
    })
    const received = Array.isArray(body['receivedMessages']) ? body['receivedMessages'] : []
    return received.map(({ackId}: {ackId: string}) => ackId)
  }
  const refuse = (ids: readonly string[]): Promise<unknown> =>
    server.call('POST', 'subscriptions/main:modifyAckDeadline', {ackIds: ids, ackDeadlineSeconds: 0})
  for (let attempt = 1; attempt < 5; attempt++) await refuse(await ackIds())
  await Promise.all(
    (await ackIds()).flatMap((id) => [
      refuse([id]),
      server.call('POST', 'topics/dead:publish', {messages: [message]}),
    ]),
  )
  const arrived: number[] = []
  await expect
    .poll(async () => {
      const {body} = await server.call('POST', 'subscriptions/dead:pull', {
        maxMessages: 1000,
        returnImmediately: true,
      })
      const received = Array.isArray(body['receivedMessages']) ? body['receivedMessages'] : []
      arrived.push(...received.map((each) => Number(each.message.messageId)))
      await server.call('POST', 'subscriptions/dead:acknowledge', {
        ackIds: received.map(({ackId}: {ackId: string}) => ackId),
      })
      return arrived.length
    })
    .toBe(100)
  expect(arrived).toEqual(arrived.toSorted((one, other) => one - other))
})
