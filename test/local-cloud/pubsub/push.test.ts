import {describe, expect, test} from 'vitest'
import {ManualClock} from '../../support/manual-clock.ts'
import {startPubsub, type PubsubServer} from '../../support/pubsub-server.ts'
import {advanceUntil, type PushEndpoint, startPushEndpoint} from '../../support/push-endpoint.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const TOPIC = 'projects/p/topics/orders'

async function subscribe(
  server: PubsubServer,
  endpoint: PushEndpoint,
  settings: object = {},
  push: object = {},
): Promise<void> {
  await server.call('PUT', 'topics/orders', {})
  const answer = await server.call('PUT', 'subscriptions/push', {
    topic: TOPIC,
    pushConfig: {pushEndpoint: endpoint.url, ...push},
    ...settings,
  })
  expect(answer).toMatchObject({status: 200})
}

async function publish(server: PubsubServer, ...texts: string[]): Promise<void> {
  const messages = texts.map((text) => ({data: Buffer.from(text).toString('base64')}))
  expect(await server.call('POST', 'topics/orders:publish', {messages})).toMatchObject({status: 200})
}

const textOf = (data: string | undefined): string => Buffer.from(data ?? '', 'base64').toString()

describe('push', () => {
  test('posts a message of several megabytes', async () => {
    const server = await startPubsub({clock: new ManualClock()})
    const endpoint = await startPushEndpoint((pushed) => pushed.answer(204))
    await subscribe(server, endpoint)
    const text = 'x'.repeat(7_000_001)
    await publish(server, text)
    expect(textOf((await endpoint.next()).json.message.data) === text).toBe(true)
    await endpoint.settled()
  })

  test('posts the documented body and treats 204 as an acknowledgement', async () => {
    const clock = new ManualClock()
    const server = await startPubsub({clock})
    const endpoint = await startPushEndpoint((pushed) => pushed.answer(204))
    await subscribe(server, endpoint)
    const attributes = {bucketId: 'b', eventType: 'OBJECT_FINALIZE'}
    const {body} = await server.call('POST', 'topics/orders:publish', {
      messages: [{data: 'aGk=', attributes}],
    })
    const pushed = await endpoint.next()
    const id = String(Array.isArray(body['messageIds']) ? body['messageIds'][0] : '')
    expect(pushed.method).toBe('POST')
    expect(pushed.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'CloudPubSub-Google',
    })
    expect(pushed.headers.authorization).toBeUndefined()
    expect(pushed.json).toEqual({
      message: {
        attributes,
        data: 'aGk=',
        messageId: id,
        message_id: id,
        publishTime: '2026-01-01T00:00:00.000Z',
        publish_time: '2026-01-01T00:00:00.000Z',
      },
      subscription: 'projects/p/subscriptions/push',
    })
    await endpoint.settled()
    await clock.advance(3_600_000)
    await endpoint.settled()
    expect(endpoint.seen).toHaveLength(1)
  })

  test.each([200, 201, 202, 204])('%i acknowledges', async (status) => {
    const clock = new ManualClock()
    const server = await startPubsub({clock})
    const endpoint = await startPushEndpoint((pushed) => pushed.answer(status))
    await subscribe(server, endpoint)
    await publish(server, 'a')
    await endpoint.next()
    await endpoint.settled()
    await clock.advance(700_000)
    await endpoint.settled()
    expect(endpoint.seen).toHaveLength(1)
  })

  test('102 acknowledges, whatever follows', async () => {
    const clock = new ManualClock()
    const server = await startPubsub({clock})
    const endpoint = await startPushEndpoint((pushed) => {
      pushed.response.writeProcessing()
    })
    await subscribe(server, endpoint)
    await publish(server, 'a')
    const pushed = await endpoint.next()
    await endpoint.settled()
    pushed.answer(500)
    await endpoint.settled()
    await clock.advance(700_000)
    await endpoint.settled()
    expect(endpoint.seen).toHaveLength(1)
  })

  test.each([203, 206, 301, 307, 400, 404, 429, 500, 503])(
    '%i refuses: the message comes again',
    async (status) => {
      const clock = new ManualClock()
      const server = await startPubsub({clock})
      const endpoint = await startPushEndpoint((pushed) =>
        pushed.response.writeHead(endpoint.seen.length === 1 ? status : 204, {location: endpoint.url}).end(),
      )
      await subscribe(server, endpoint)
      await publish(server, 'a')
      await endpoint.next()
      await advanceUntil(clock, endpoint, () => endpoint.seen.length === 2)
      expect(endpoint.seen[1]?.json.message.messageId).toBe(endpoint.seen[0]?.json.message.messageId)
    },
  )

  test('a missing endpoint refuses', async () => {
    const clock = new ManualClock()
    const server = await startPubsub({clock})
    const endpoint = await startPushEndpoint((pushed) => pushed.answer(204))
    await subscribe(server, endpoint, {pushConfig: {pushEndpoint: 'http://127.0.0.1:9/'}})
    await publish(server, 'a')
    await endpoint.settled()
    await server.call('POST', 'subscriptions/push:modifyPushConfig', {
      pushConfig: {pushEndpoint: endpoint.url},
    })
    await advanceUntil(clock, endpoint, () => endpoint.seen.length === 1)
    expect(textOf(endpoint.seen[0]?.json.message.data)).toBe('a')
  })

  test('the ack deadline is the time-out, to the second', async () => {
    const clock = new ManualClock()
    const server = await startPubsub({clock})
    const endpoint = await startPushEndpoint()
    await subscribe(server, endpoint, {ackDeadlineSeconds: 30})
    await publish(server, 'a')
    const first = await endpoint.next()
    const closed = new Promise((resolve) => first.response.on('close', resolve))
    await clock.advance(29_900)
    await endpoint.settled()
    expect(first.response.destroyed).toBe(false)
    await clock.advance(100)
    await closed
    await clock.advance(499)
    await endpoint.settled()
    expect(endpoint.seen).toHaveLength(1)
    await clock.advance(1)
    await endpoint.next()
  })

  test('the retry policy spaces attempts exponentially between its bounds', async () => {
    const clock = new ManualClock()
    const server = await startPubsub({clock})
    const endpoint = await startPushEndpoint((pushed) => pushed.answer(500))
    await subscribe(server, endpoint, {retryPolicy: {minimumBackoff: '10s', maximumBackoff: '60s'}})
    await publish(server, 'a')
    await endpoint.next()
    await endpoint.settled()
    const gaps = []
    for (let attempt = 2; attempt <= 5; attempt++) {
      gaps.push(
        Math.round((await advanceUntil(clock, endpoint, () => endpoint.seen.length === attempt, 500)) / 1000),
      )
      await endpoint.settled()
    }
    expect(gaps).toEqual([10, 20, 40, 60])
  })

  test('a refusal holds up the other messages of the subscription, and acknowledgements let go again', async () => {
    const clock = new ManualClock()
    const server = await startPubsub({clock})
    const endpoint = await startPushEndpoint()
    await subscribe(server, endpoint, {retryPolicy: {minimumBackoff: '600s', maximumBackoff: '600s'}})
    await publish(server, 'bad')
    const bad = await endpoint.next()
    bad.answer(500)
    await endpoint.settled()
    await publish(server, 'good')
    await endpoint.settled()
    expect(endpoint.seen).toHaveLength(1)
    await clock.advance(499)
    await endpoint.settled()
    expect(endpoint.seen).toHaveLength(1)
    await clock.advance(1)
    const good = await endpoint.next()
    expect(textOf(good.json.message.data)).toBe('good')
  })

  test('the window starts small and grows with acknowledgements', async () => {
    const server = await startPubsub({clock: new ManualClock()})
    const endpoint = await startPushEndpoint()
    await subscribe(server, endpoint)
    await publish(server, ...Array.from({length: 20}, (_, index) => String(index)))
    for (let index = 0; index < 3; index++) await endpoint.next()
    await endpoint.settled()
    expect(endpoint.seen).toHaveLength(3)
    for (const pushed of endpoint.seen) pushed.answer(204)
    for (let index = 0; index < 6; index++) await endpoint.next()
    await endpoint.settled()
    expect(endpoint.seen).toHaveLength(9)
  })

  test('signs an OIDC token for the audience, by default the endpoint', async () => {
    const clock = new ManualClock()
    const server = await startPubsub({clock})
    const endpoint = await startPushEndpoint((pushed) => pushed.answer(204))
    const email = 'push@p.iam.gserviceaccount.com'
    await subscribe(server, endpoint, {}, {oidcToken: {serviceAccountEmail: email}})
    const verify = (header: string | undefined, audience: string): object =>
      server.tokens.verify((header ?? '').replace(/^Bearer /, ''), [audience])
    await publish(server, 'a')
    expect(verify((await endpoint.next()).headers.authorization, endpoint.url)).toEqual({email})
    await server.call('PATCH', 'subscriptions/push?updateMask=pushConfig', {
      subscription: {
        pushConfig: {pushEndpoint: endpoint.url, oidcToken: {serviceAccountEmail: email, audience: 'mine'}},
      },
    })
    await publish(server, 'b')
    const {authorization} = (await endpoint.next()).headers
    expect(verify(authorization, 'mine')).toEqual({email})
    expect(verify(authorization, endpoint.url)).toHaveProperty('error')
    await clock.advance(2 * 3_600_000)
    await publish(server, 'c')
    expect(verify((await endpoint.next()).headers.authorization, 'mine')).toEqual({email})
  })

  test('a clock that is set back holds up nothing, and tokens are of its time', async () => {
    const clock = new ManualClock()
    const server = await startPubsub({clock})
    const endpoint = await startPushEndpoint((pushed) =>
      pushed.answer(endpoint.seen.length === 2 ? 500 : 204),
    )
    const email = 'push@p.iam.gserviceaccount.com'
    await subscribe(server, endpoint, {}, {oidcToken: {serviceAccountEmail: email}})
    await publish(server, 'before')
    const {authorization: old = ''} = (await endpoint.next()).headers
    await publish(server, 'refused')
    await endpoint.next()
    await endpoint.settled()

    clock.setBack(24 * 3_600_000)
    await publish(server, 'after')
    const waited = await advanceUntil(clock, endpoint, () => endpoint.seen.length === 4)
    expect(waited).toBeLessThanOrEqual(2000)
    const texts = endpoint.seen.map(({json}) => textOf(json.message.data))
    expect(texts.slice(2).toSorted()).toEqual(['after', 'refused'])
    const token = (endpoint.seen.at(-1)?.headers.authorization ?? '').replace(/^Bearer /, '')
    const claims: {iat: number} = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    expect(claims.iat * 1000).toBeLessThanOrEqual(clock.now())
    // What was given out before is not refused for as long either.
    expect(server.tokens.verify(old.replace(/^Bearer /, ''), [endpoint.url])).toEqual({email})
  })

  test('an ordering key is pushed one by one, again from the one that failed', async () => {
    const clock = new ManualClock()
    const server = await startPubsub({clock})
    const order: string[] = []
    const endpoint = await startPushEndpoint((pushed) => {
      order.push(textOf(pushed.json.message.data))
      pushed.answer(order.length === 1 ? 500 : 204)
    })
    await subscribe(server, endpoint, {enableMessageOrdering: true})
    const messages = ['0', '1', '2', '3'].map((text) => ({
      data: Buffer.from(text).toString('base64'),
      orderingKey: 'k',
    }))
    await server.call('POST', 'topics/orders:publish', {messages})
    await advanceUntil(clock, endpoint, () => order.length === 5)
    expect(order).toEqual(['0', '0', '1', '2', '3'])
    expect(endpoint.seen[0]?.json.message).toMatchObject({orderingKey: 'k'})
  })

  test('a filter lets through what matches', async () => {
    const server = await startPubsub({clock: new ManualClock()})
    const endpoint = await startPushEndpoint((pushed) => pushed.answer(204))
    await subscribe(server, endpoint, {
      filter: 'attributes.eventType = "OBJECT_FINALIZE" AND hasPrefix(attributes.objectId, "in/")',
    })
    const message = (eventType: string, objectId: string): object => ({attributes: {eventType, objectId}})
    await server.call('POST', 'topics/orders:publish', {
      messages: [
        message('OBJECT_DELETE', 'in/a'),
        message('OBJECT_FINALIZE', 'out/a'),
        message('OBJECT_FINALIZE', 'in/b'),
      ],
    })
    expect((await endpoint.next()).json.message.attributes).toEqual({
      eventType: 'OBJECT_FINALIZE',
      objectId: 'in/b',
    })
    await endpoint.settled()
    expect(endpoint.seen).toHaveLength(1)
  })

  test('noWrapper posts the data itself, with metadata as headers', async () => {
    const server = await startPubsub({clock: new ManualClock()})
    const endpoint = await startPushEndpoint((pushed) => pushed.answer(204))
    await subscribe(server, endpoint, {}, {noWrapper: {writeMetadata: true}})
    await server.call('POST', 'topics/orders:publish', {
      messages: [{data: 'aGk=', attributes: {color: 'red', 'no header': 'x'}}],
    })
    const {body, headers} = await endpoint.next()
    expect(body).toBe('hi')
    expect(headers).toMatchObject({
      color: 'red',
      'x-goog-pubsub-subscription-name': 'projects/p/subscriptions/push',
      'x-goog-pubsub-publish-time': '2026-01-01T00:00:00.000Z',
      'x-goog-pubsub-message-id': expect.stringMatching(/^\d+$/),
    })
  })

  test('a message past its retention is not pushed any more', async () => {
    const clock = new ManualClock()
    const server = await startPubsub({clock})
    const endpoint = await startPushEndpoint((pushed) => pushed.answer(500))
    await subscribe(server, endpoint, {
      messageRetentionDuration: '600s',
      retryPolicy: {minimumBackoff: '599s', maximumBackoff: '599s'},
    })
    await publish(server, 'a')
    await endpoint.next()
    await endpoint.settled()
    await clock.advance(599_000)
    await endpoint.settled()
    expect(endpoint.seen).toHaveLength(2)
    await clock.advance(3_600_000)
    await endpoint.settled()
    expect(endpoint.seen).toHaveLength(2)
    expect(server.state.database.prepare('SELECT count(*) AS n FROM pubsub_messages').get()).toEqual({n: 0})
  })

  test('after a restart exactly the unacknowledged messages are delivered again, with their attempts', async () => {
    const clock = new ManualClock()
    const folder = await temporaryFolder()
    const endpoint = await startPushEndpoint((pushed) => {
      const text = textOf(pushed.json.message.data)
      if (text === 'bad') pushed.answer(500)
      else if (text !== 'slow') pushed.answer(204)
    })
    {
      await using server = await startPubsub({clock, folder})
      await server.call('PUT', 'topics/dead', {})
      await subscribe(server, endpoint, {
        deadLetterPolicy: {deadLetterTopic: 'projects/p/topics/dead'},
        retryPolicy: {minimumBackoff: '100s', maximumBackoff: '600s'},
      })
      await publish(server, 'good', 'slow', 'bad')
      for (let index = 0; index < 3; index++) await endpoint.next()
      await endpoint.settled()
    }
    await startPubsub({clock, folder})
    await advanceUntil(clock, endpoint, () => endpoint.seen.length >= 5)
    await endpoint.settled()
    const again = endpoint.seen.slice(3).map(({json}) => [textOf(json.message.data), json.deliveryAttempt])
    expect(again).toEqual([
      ['slow', 1],
      ['bad', 2],
    ])
  })
})
