import {describe, expect, test} from 'vitest'
import {ManualClock} from '../../support/manual-clock.ts'
import {type PubsubServer, startPubsub} from '../../support/pubsub-server.ts'

const TOPIC = 'projects/p/topics/orders'

async function withTopic(clock = new ManualClock()): Promise<PubsubServer> {
  const server = await startPubsub({clock})
  await server.call('PUT', 'topics/orders', {})
  return server
}

async function pull(server: PubsubServer, subscription = 'sub'): Promise<string[]> {
  const path = `subscriptions/${subscription}`
  const {body} = await server.call('POST', `${path}:pull`, {maxMessages: 100, returnImmediately: true})
  const received: {ackId: string; message: {data: string}}[] = Array.isArray(body['receivedMessages'])
    ? body['receivedMessages']
    : []
  if (received.length > 0)
    await server.call('POST', `${path}:acknowledge`, {ackIds: received.map(({ackId}) => ackId)})
  return received.map(({message}) => Buffer.from(message.data, 'base64').toString())
}

async function publish(server: PubsubServer, text: string): Promise<void> {
  const messages = [{data: Buffer.from(text).toString('base64')}]
  expect(await server.call('POST', 'topics/orders:publish', {messages})).toMatchObject({status: 200})
}

describe('topics', () => {
  test('come back as submitted, are listed by page, and change by mask', async () => {
    const server = await startPubsub({clock: new ManualClock()})
    const kmsKeyName = 'projects/p/locations/global/keyRings/r/cryptoKeys/k'
    const given = {labels: {b: '1', a: '2'}, messageRetentionDuration: '600s', kmsKeyName}
    const created = await server.call('PUT', 'topics/orders', given)
    expect(created).toEqual({status: 200, body: {name: TOPIC, ...given}})
    await server.call('PUT', 'topics/others', {})
    const page = await server.call('GET', 'topics?pageSize=1')
    expect(page.body['topics']).toEqual([created.body])
    const next = await server.call('GET', `topics?pageSize=1&pageToken=${String(page.body['nextPageToken'])}`)
    expect(next.body).toEqual({topics: [{name: 'projects/p/topics/others'}]})
    const changed = await server.call('PATCH', 'topics/orders', {
      topic: {labels: {c: '3'}},
      updateMask: 'labels',
    })
    expect(changed.body).toEqual({name: TOPIC, ...given, labels: {c: '3'}})
    await server.call('PATCH', 'topics/orders?updateMask=message_retention_duration,kms_key_name', {
      topic: {},
    })
    expect((await server.call('GET', 'topics/orders')).body).toEqual({name: TOPIC, labels: {c: '3'}})
  })

  test.each(['ok', 'goog-x', '1abc', 'a b', 'a'.repeat(256)])('cannot be called "%s"', async (id) => {
    const server = await startPubsub({clock: new ManualClock()})
    expect(await server.call('PUT', `topics/${encodeURIComponent(id)}`, {})).toMatchObject({
      status: 400,
      body: {error: {status: 'INVALID_ARGUMENT', message: expect.stringContaining('Invalid resource name')}},
    })
  })

  test.each([
    ['an empty message', {messages: [{}]}],
    ['no message', {messages: []}],
    ['1,001 messages', {messages: Array.from({length: 1001}, () => ({data: 'aGk='}))}],
    ['a long attribute', {messages: [{attributes: {a: 'x'.repeat(1025)}}]}],
    ['an unknown field', {messages: [{dataa: 'aGk='}]}],
  ])('refuse %s', async (_name, body) => {
    const server = await withTopic()
    expect(await server.call('POST', 'topics/orders:publish', body)).toMatchObject({
      status: 400,
      body: {error: {status: 'INVALID_ARGUMENT'}},
    })
  })

  test('are what IAM is asked about', async () => {
    const server = await withTopic()
    const someone = 'a@p.iam.gserviceaccount.com'
    const body = {messages: [{data: 'aGk='}]}
    expect(await server.call('POST', 'topics/orders:publish', body, someone)).toMatchObject({
      status: 403,
      body: {error: {message: expect.stringContaining('roles/pubsub.publisher')}},
    })
    expect((await server.call('GET', 'topics/orders:getIamPolicy')).body).toEqual({etag: 'ACAB'})
    const bindings = [{role: 'roles/pubsub.publisher', members: [`serviceAccount:${someone}`]}]
    await server.call('POST', 'topics/orders:setIamPolicy', {policy: {bindings, etag: 'ACAB', version: 3}})
    expect(await server.call('POST', 'topics/orders:publish', body, someone)).toMatchObject({status: 200})
    const permissions = ['pubsub.topics.publish', 'pubsub.topics.delete']
    expect(
      (await server.call('POST', 'topics/orders:testIamPermissions', {permissions}, someone)).body,
    ).toEqual({
      permissions: ['pubsub.topics.publish'],
    })
    await server.call('DELETE', 'topics/orders')
    await server.call('PUT', 'topics/orders', {})
    expect((await server.call('POST', 'topics/orders:publish', body, someone)).status).toBe(403)
    expect((await server.call('GET', 'topics/nothing:getIamPolicy')).status).toBe(404)
  })
})

describe('subscriptions', () => {
  test('an expiration of never stays empty, an absent one is 31 days', async () => {
    const server = await withTopic()
    await server.call('PUT', 'subscriptions/never', {
      topic: TOPIC,
      expirationPolicy: {},
      deadLetterPolicy: null,
    })
    expect((await server.call('GET', 'subscriptions/never')).body).toEqual({
      name: 'projects/p/subscriptions/never',
      topic: TOPIC,
      pushConfig: {},
      ackDeadlineSeconds: 10,
      messageRetentionDuration: '604800s',
      expirationPolicy: {},
      state: 'ACTIVE',
    })
    const absent = await server.call('PUT', 'subscriptions/absent', {topic: TOPIC, ackDeadlineSeconds: 0})
    expect(absent.body).toMatchObject({expirationPolicy: {ttl: '2678400s'}, ackDeadlineSeconds: 10})
  })

  test.each([
    [{ackDeadlineSeconds: 9}, 'ackDeadlineSeconds=9'],
    [{ackDeadlineSeconds: 601}, 'ackDeadlineSeconds=601'],
    [{messageRetentionDuration: '599s'}, 'messageRetentionDuration'],
    [{messageRetentionDuration: '2678401s'}, 'messageRetentionDuration'],
    [{retryPolicy: {maximumBackoff: '601s'}}, 'retryPolicy.maximumBackoff'],
    [{retryPolicy: {minimumBackoff: '20s', maximumBackoff: '10s'}}, 'minimumBackoff is longer'],
    [{deadLetterPolicy: {deadLetterTopic: TOPIC, maxDeliveryAttempts: 4}}, 'maxDeliveryAttempts'],
    [{deadLetterPolicy: {deadLetterTopic: TOPIC, maxDeliveryAttempts: 101}}, 'maxDeliveryAttempts'],
    [{expirationPolicy: {ttl: '3600s'}}, 'expirationPolicy.ttl'],
    [{filter: 'attributes.x == "y"'}, 'Invalid filter'],
    [{pushConfig: {pushEndpoint: 'ftp://127.0.0.1/'}}, 'http or https'],
    [{pushConfig: {pushEndpoint: 'https://example.com/'}}, 'this machine only'],
    [{pushConfig: {oidcToken: {serviceAccountEmail: 'a@b.c'}}}, 'pushEndpoint'],
    [{pushConfig: {pushEndpoint: 'http://localhost/', oidcToken: {}}}, 'service account'],
    [{ackDeadline: 10}, 'Unknown name "ackDeadline"'],
  ])('%j is refused', async (settings, message) => {
    const server = await withTopic()
    expect(await server.call('PUT', 'subscriptions/sub', {topic: TOPIC, ...settings})).toMatchObject({
      status: 400,
      body: {
        error: {
          status: message === 'maxDeliveryAttempts' ? 'OUT_OF_RANGE' : 'INVALID_ARGUMENT',
          message: expect.stringContaining(message),
        },
      },
    })
  })

  test.each([
    [{topic: 'projects/p/topics/nothing'}, 404],
    [{topic: TOPIC, deadLetterPolicy: {deadLetterTopic: 'projects/p/topics/nothing'}}, 404],
    [{topic: TOPIC, bigqueryConfig: {table: 't'}}, 400],
    [{topic: TOPIC, enableExactlyOnceDelivery: true, pushConfig: {pushEndpoint: 'http://127.0.0.1:1'}}, 400],
  ])('%j is a %i', async (settings, status) => {
    const server = await withTopic()
    expect((await server.call('PUT', 'subscriptions/sub', settings)).status).toBe(status)
  })

  test("accepts the mask of Google's Terraform provider, and refuses immutable fields", async () => {
    const server = await withTopic()
    await server.call('PUT', 'topics/dead', {})
    const deadLetterPolicy = {deadLetterTopic: 'projects/p/topics/dead', maxDeliveryAttempts: 5}
    await server.call('PUT', 'subscriptions/sub', {topic: TOPIC, deadLetterPolicy, labels: {a: 'b'}})
    const changed = await server.call(
      'PATCH',
      'subscriptions/sub?updateMask=deadLetterPolicy,bigqueryConfig',
      {
        subscription: {deadLetterPolicy: {...deadLetterPolicy, maxDeliveryAttempts: 7}},
      },
    )
    expect(changed).toMatchObject({
      status: 200,
      body: {deadLetterPolicy: {maxDeliveryAttempts: 7}, labels: {a: 'b'}},
    })
    const removed = await server.call('PATCH', 'subscriptions/sub', {
      subscription: {},
      updateMask: 'dead_letter_policy',
    })
    expect(removed.body).not.toHaveProperty('deadLetterPolicy')
    const refused = await server.call('PATCH', 'subscriptions/sub', {
      subscription: {filter: 'attributes:x'},
      updateMask: 'filter',
    })
    expect(refused).toMatchObject({
      status: 400,
      body: {error: {message: expect.stringContaining('"filter"')}},
    })
  })

  test('an unacknowledged message is delivered again at its deadline, which can be extended', async () => {
    const clock = new ManualClock()
    const server = await withTopic(clock)
    await server.call('PUT', 'subscriptions/sub', {topic: TOPIC})
    await publish(server, 'a')
    const ask = async (): Promise<{ackId: string}[]> => {
      const {body} = await server.call('POST', 'subscriptions/sub:pull', {
        maxMessages: 1,
        returnImmediately: true,
      })
      return Array.isArray(body['receivedMessages']) ? body['receivedMessages'] : []
    }
    const [first] = await ask()
    await server.call('POST', 'subscriptions/sub:modifyAckDeadline', {
      ackIds: [first?.ackId],
      ackDeadlineSeconds: 60,
    })
    await clock.advance(59_000)
    expect(await ask()).toEqual([])
    await clock.advance(1000)
    expect(await ask()).toHaveLength(1)
    expect(
      await server.call('POST', 'subscriptions/sub:acknowledge', {ackIds: [first?.ackId]}),
    ).toMatchObject({status: 200})
    await clock.advance(60_000)
    expect(await ask()).toEqual([])
    expect(await server.call('POST', 'subscriptions/sub:acknowledge', {ackIds: ['nonsense']})).toMatchObject({
      status: 400,
    })
  })

  test('a pull waits for a message, and not for ever', async () => {
    const clock = new ManualClock()
    const server = await withTopic(clock)
    await server.call('PUT', 'subscriptions/sub', {topic: TOPIC})
    const waiting = server.call('POST', 'subscriptions/sub:pull', {maxMessages: 1})
    await publish(server, 'a')
    const {body} = await waiting
    expect(body).toMatchObject({receivedMessages: [{message: {data: 'YQ=='}}]})
    const [received] = Array.isArray(body['receivedMessages']) ? body['receivedMessages'] : []
    await server.call('POST', 'subscriptions/sub:acknowledge', {ackIds: [received.ackId]})
    const answers: unknown[] = []
    void server
      .call('POST', 'subscriptions/sub:pull', {maxMessages: 1})
      .then((answer) => answers.push(answer))
    await expect
      .poll(async () => {
        await clock.advance(5000)
        return answers
      })
      .toEqual([{status: 200, body: {}}])
  })

  test('a push subscription cannot be pulled from, a detached one gets nothing', async () => {
    const server = await withTopic()
    await server.call('PUT', 'subscriptions/sub', {
      topic: TOPIC,
      pushConfig: {pushEndpoint: 'http://127.0.0.1:9/'},
    })
    const ask = {maxMessages: 1, returnImmediately: true}
    expect(await server.call('POST', 'subscriptions/sub:pull', ask)).toMatchObject({
      status: 400,
      body: {error: {status: 'FAILED_PRECONDITION'}},
    })
    await server.call('POST', 'subscriptions/sub:detach', {})
    await publish(server, 'a')
    expect((await server.call('GET', 'subscriptions/sub')).body).toMatchObject({detached: true})
    expect(server.state.database.prepare('SELECT count(*) AS n FROM pubsub_messages').get()).toEqual({n: 0})
  })
})

describe('seek', () => {
  test('replays what a subscription keeps, and drops what is older', async () => {
    const clock = new ManualClock()
    const server = await withTopic(clock)
    await server.call('PUT', 'subscriptions/sub', {topic: TOPIC, retainAckedMessages: true})
    await publish(server, 'a')
    await clock.advance(1000)
    const time = new Date(clock.now()).toISOString()
    await publish(server, 'b')
    expect(await pull(server)).toEqual(['a', 'b'])
    expect(await pull(server)).toEqual([])
    await server.call('POST', 'subscriptions/sub:seek', {time})
    expect(await pull(server)).toEqual(['b'])
    await publish(server, 'c')
    await clock.advance(1)
    await server.call('POST', 'subscriptions/sub:seek', {time: new Date(clock.now()).toISOString()})
    expect(await pull(server)).toEqual([])
    expect(
      (await server.call('POST', 'subscriptions/sub:seek', {snapshot: 'projects/p/snapshots/s'})).status,
    ).toBe(400)
  })

  test('replays what the topic keeps, to a new subscription as well', async () => {
    const clock = new ManualClock()
    const server = await startPubsub({clock})
    await server.call('PUT', 'topics/orders', {messageRetentionDuration: '600s'})
    await publish(server, 'a')
    const made = await server.call('PUT', 'subscriptions/sub', {topic: TOPIC})
    expect(made.body).toMatchObject({topicMessageRetentionDuration: '600s'})
    expect(await pull(server)).toEqual([])
    const since = new Date(clock.now() - 1000).toISOString()
    await server.call('POST', 'subscriptions/sub:seek', {time: since})
    expect(await pull(server)).toEqual(['a'])
    await clock.advance(1_300_000)
    await server.call('POST', 'subscriptions/sub:seek', {time: since})
    expect(await pull(server)).toEqual([])
  })
})

test('messages that nothing keeps any more are removed, however many', async () => {
  const clock = new ManualClock()
  const server = await withTopic(clock)
  const stored = (): unknown =>
    server.state.database.prepare('SELECT count(*) AS count FROM pubsub_messages').get()?.['count']
  await server.call('PUT', 'subscriptions/sub', {topic: TOPIC})
  await server.call('PUT', 'subscriptions/other', {topic: TOPIC, filter: 'attributes:kept'})
  const messages = Array.from({length: 999}, () => ({data: 'YQ=='}))
  for (let count = 0; count < 5; count++)
    await server.call('POST', 'topics/orders:publish', {
      messages: [...messages, {data: 'YQ==', attributes: {kept: ''}}],
    })
  await server.call('DELETE', 'subscriptions/sub')
  expect(stored()).toBe(5000)
  await clock.advance(600_000)
  expect(stored()).toBe(5)
})

describe('publishing for other services', () => {
  test('delivers what was committed, and nothing of a change that was undone', async () => {
    const server = await withTopic()
    await server.call('PUT', 'subscriptions/sub', {topic: TOPIC})
    const {publishing} = server.pubsub
    expect(publishing.hasTopic(TOPIC)).toBe(true)
    expect(publishing.hasTopic('projects/p/topics/nothing')).toBe(false)
    const undone = server.state.write(() => {
      publishing.publishInTransaction(TOPIC, [{data: 'eA=='}])
      throw new Error('undone')
    })
    await expect(undone).rejects.toThrow('undone')
    const ids = await server.state.write(() => publishing.publishInTransaction(TOPIC, [{data: 'eQ=='}]))
    expect(ids).toEqual([expect.stringMatching(/^\d+$/)])
    await expect.poll(() => pull(server)).toEqual(['y'])
    expect(await pull(server)).toEqual([])
  })
})
