import {expect, test} from 'vitest'
import {ManualClock} from '../../support/manual-clock.ts'
import {type PubsubServer, startPubsub} from '../../support/pubsub-server.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const SNAPSHOT = 'projects/p/snapshots/before'
const DAY_MS = 86_400_000

async function start(options: object = {}, subscription: object = {}): Promise<PubsubServer> {
  const server = await startPubsub(options)
  await server.call('PUT', 'topics/orders', {})
  await server.call('PUT', 'subscriptions/sub', {topic: 'projects/p/topics/orders', ...subscription})
  return server
}

const publish = (server: PubsubServer, ...texts: string[]): Promise<object> =>
  server.call('POST', 'topics/orders:publish', {
    messages: texts.map((text) => ({data: Buffer.from(text).toString('base64')})),
  })

/** Acknowledges what it pulls. */
async function pull(server: PubsubServer, subscription = 'sub'): Promise<string> {
  const path = `subscriptions/${subscription}`
  const {body} = await server.call('POST', `${path}:pull`, {maxMessages: 100, returnImmediately: true})
  const received: {ackId: string; message: {data: string}}[] = Array.isArray(body['receivedMessages'])
    ? body['receivedMessages']
    : []
  if (received.length > 0)
    await server.call('POST', `${path}:acknowledge`, {ackIds: received.map(({ackId}) => ackId)})
  return received
    .map(({message}) => Buffer.from(message.data, 'base64').toString())
    .toSorted()
    .join('')
}

test('a seek brings back what a snapshot retains, after a restart too', async () => {
  const folder = await temporaryFolder()
  {
    await using server = await start({folder}, {retainAckedMessages: true})
    await publish(server, 'a')
    expect(await pull(server)).toBe('a')
    await publish(server, 'b')
    const snapshot = {name: SNAPSHOT, topic: 'projects/p/topics/orders', labels: {x: 'y'}}
    const created = await server.call('PUT', 'snapshots/before', {
      subscription: 'projects/p/subscriptions/sub',
      labels: {x: 'y'},
    })
    expect(created).toMatchObject({status: 200, body: snapshot})
    await publish(server, 'c')
    expect(await pull(server)).toBe('bc')
  }
  const server = await startPubsub({folder})
  const seek = {snapshot: SNAPSHOT}
  expect(await server.call('POST', 'subscriptions/sub:seek', seek)).toEqual({status: 200, body: {}})
  expect(await pull(server)).toBe('bc')
  await server.call('PUT', 'subscriptions/other', {topic: 'projects/p/topics/orders'})
  await server.call('POST', 'subscriptions/other:seek', seek)
  expect(await pull(server, 'other')).toBe('bc')
})

test('snapshots are listed, changed, deleted, and expire a week after their oldest message', async () => {
  const clock = new ManualClock()
  const server = await start({clock})
  await publish(server, 'a')
  await clock.advance(DAY_MS)
  const create = {subscription: 'projects/p/subscriptions/sub'}
  const {body} = await server.call('PUT', 'snapshots/before', create)
  expect(body['expireTime']).toBe(new Date(clock.now() + 6 * DAY_MS).toISOString())
  expect(await server.call('PUT', 'snapshots/before', create)).toMatchObject({status: 409})
  await server.call('PUT', 'snapshots/gone', create)
  const update = {snapshot: {labels: {a: 'b'}}, updateMask: 'labels'}
  const changed = {...body, labels: {a: 'b'}}
  expect((await server.call('PATCH', 'snapshots/before', update)).body).toEqual(changed)
  for (const expireTime of ['soon', new Date(clock.now()), new Date(clock.now() + 6 * DAY_MS + 1)])
    expect(
      await server.call('PATCH', 'snapshots/before', {snapshot: {expireTime}, updateMask: 'expireTime'}),
    ).toMatchObject({status: 400})
  expect((await server.call('DELETE', 'snapshots/gone')).status).toBe(200)
  expect((await server.call('GET', 'snapshots')).body).toEqual({snapshots: [changed]})
  expect((await server.call('GET', 'topics/orders/snapshots')).body).toEqual({snapshots: [SNAPSHOT]})
  expect((await server.call('GET', 'topics/orders/subscriptions')).body).toEqual({
    subscriptions: ['projects/p/subscriptions/sub'],
  })
  expect((await server.call('GET', 'subscriptions')).body['subscriptions']).toHaveLength(1)
  await server.call('PUT', 'topics/others', {})
  await server.call('PUT', 'subscriptions/others', {topic: 'projects/p/topics/others'})
  expect(await server.call('POST', 'subscriptions/others:seek', {snapshot: SNAPSHOT})).toMatchObject({
    body: {error: {status: 'FAILED_PRECONDITION'}},
  })
  await server.call('POST', 'snapshots/before:setIamPolicy', {
    policy: {bindings: [{role: 'roles/pubsub.viewer', members: ['user:a@example.com']}]},
  })
  await clock.advance(6 * DAY_MS)
  expect(await server.call('GET', 'snapshots/before')).toMatchObject({status: 404})
  expect(await server.call('POST', 'subscriptions/sub:seek', {snapshot: SNAPSHOT})).toMatchObject({
    status: 404,
  })
  await clock.advance(600_000)
  await expect.poll(async () => (await server.call('GET', 'snapshots')).body).toEqual({snapshots: []})
  await publish(server, 'b')
  expect((await server.call('PUT', 'snapshots/before', create)).status).toBe(200)
  const {body: policy} = await server.call('GET', 'snapshots/before:getIamPolicy')
  expect(policy).not.toHaveProperty('bindings')
})

test('a subscription whose topic is deleted cannot seek to a snapshot of another deleted topic', async () => {
  const server = await start()
  await server.call('PUT', 'snapshots/before', {subscription: 'projects/p/subscriptions/sub'})
  await server.call('PUT', 'topics/others', {})
  await server.call('PUT', 'subscriptions/others', {topic: 'projects/p/topics/others'})
  await server.call('DELETE', 'topics/orders')
  await server.call('DELETE', 'topics/others')
  expect(await server.call('POST', 'subscriptions/others:seek', {snapshot: SNAPSHOT})).toMatchObject({
    body: {error: {status: 'FAILED_PRECONDITION'}},
  })
})

test("Google's client creates a snapshot and seeks to it", async () => {
  const server = await start()
  await publish(server, 'a')
  const subscription = server.client.subscription('sub')
  await subscription.createSnapshot('before')
  expect(await pull(server)).toBe('a')
  await subscription.seek('before')
  expect(await pull(server)).toBe('a')
  await subscription.snapshot('before').delete()
})
