import {expect, test} from 'vitest'
import type {NewMessage} from '../../../src/local-cloud/pubsub/publishing.ts'
import {ManualClock} from '../../support/manual-clock.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'
import {
  AGENT,
  call,
  fieldsOf,
  generationOf,
  type LocalStorage,
  refusalOf,
  startStorage,
  TOPIC,
  uploadMedia,
} from './local-storage.ts'

const CONFIG = {topic: TOPIC, payload_format: 'JSON_API_V1', event_types: ['OBJECT_FINALIZE']}

async function withTopic(options: Parameters<typeof startStorage>[0] = {}): Promise<LocalStorage> {
  const local = await startStorage(options)
  await local.client.createBucket('bucket')
  await local.access.setPolicy(TOPIC, {bindings: [{role: 'roles/pubsub.publisher', members: [AGENT]}]})
  return local
}

const configure = (local: LocalStorage, config: object): Promise<Response> =>
  call(local.origin, 'POST', '/b/bucket/notificationConfigs', config)

function payload(message: NewMessage | undefined): unknown {
  const value: unknown = JSON.parse(Buffer.from(message?.data ?? '', 'base64').toString())
  return value
}

test("Google's client configures, lists and deletes notifications", async () => {
  const {client} = await withTopic()
  const bucket = client.bucket('bucket')
  const [created] = await bucket.createNotification(TOPIC, {
    eventTypes: ['OBJECT_FINALIZE'],
    customAttributes: {team: 'a'},
    objectNamePrefix: 'in/',
  })
  expect((await created.getMetadata())[0]).toMatchObject({
    kind: 'storage#notification',
    id: '1',
    topic: `//pubsub.googleapis.com/${TOPIC}`,
    payload_format: 'JSON_API_V1',
    event_types: ['OBJECT_FINALIZE'],
    custom_attributes: {team: 'a'},
    object_name_prefix: 'in/',
  })
  expect((await bucket.getNotifications())[0]).toHaveLength(1)
  await created.delete()
  expect(await created.exists()).toEqual([false])
  const [next] = await bucket.createNotification(TOPIC)
  expect(next.id).toBe('2')
})

test("an upload is announced with Google's attributes and the object's resource", async () => {
  const clock = new ManualClock()
  const local = await withTopic({clock})
  await configure(local, {...CONFIG, custom_attributes: {team: 'a'}, object_name_prefix: 'in/'})
  await uploadMedia(local.origin, 'bucket', 'elsewhere/x', 'x')
  const object = await fieldsOf(await uploadMedia(local.origin, 'bucket', 'in/ü.csv', 'a,b'))
  expect(local.topic.messages).toHaveLength(1)
  expect(local.topic.messages[0]?.attributes).toEqual({
    notificationConfig: 'projects/_/buckets/bucket/notificationConfigs/1',
    eventType: 'OBJECT_FINALIZE',
    payloadFormat: 'JSON_API_V1',
    bucketId: 'bucket',
    objectId: 'in/ü.csv',
    objectGeneration: object['generation'],
    eventTime: new Date(clock.now()).toISOString(),
    team: 'a',
  })
  expect(payload(local.topic.messages[0])).toEqual(object)
})

test('a replacement is two events, a change and a deletion one each', async () => {
  const local = await withTopic()
  const {origin, topic} = local
  await configure(local, {topic: `//pubsub.googleapis.com/${TOPIC}`, payload_format: 'NONE'})
  const first = await generationOf(await uploadMedia(origin, 'bucket', 'x', '1'))
  const second = await generationOf(await uploadMedia(origin, 'bucket', 'x', '2'))
  await call(origin, 'PATCH', '/b/bucket/o/x', {cacheControl: 'no-store'})
  await call(origin, 'DELETE', '/b/bucket/o/x')
  const told = topic.messages.map(({attributes = {}, data}) => {
    const {eventType, objectGeneration, overwroteGeneration, overwrittenByGeneration} = attributes
    expect(data).toBeUndefined()
    return [eventType, objectGeneration, overwroteGeneration, overwrittenByGeneration]
  })
  expect(told).toHaveLength(5)
  expect(told).toEqual(
    expect.arrayContaining([
      ['OBJECT_FINALIZE', first, undefined, undefined],
      ['OBJECT_FINALIZE', second, first, undefined],
      ['OBJECT_DELETE', first, undefined, second],
      ['OBJECT_METADATA_UPDATE', second, undefined, undefined],
      ['OBJECT_DELETE', second, undefined, undefined],
    ]),
  )
})

test('where versions are kept the replaced one is archived; a deleted one says when', async () => {
  const local = await withTopic()
  await call(local.origin, 'PATCH', '/b/bucket', {versioning: {enabled: true}})
  await configure(local, {
    topic: TOPIC,
    payload_format: 'JSON_API_V1',
    event_types: ['OBJECT_ARCHIVE', 'OBJECT_DELETE'],
  })
  const first = await generationOf(await uploadMedia(local.origin, 'bucket', 'x', '1'))
  await uploadMedia(local.origin, 'bucket', 'x', '2')
  await call(local.origin, 'DELETE', `/b/bucket/o/x?generation=${first}`)
  expect(local.topic.messages.map(({attributes}) => attributes?.['eventType'])).toEqual([
    'OBJECT_ARCHIVE',
    'OBJECT_DELETE',
  ])
  expect(payload(local.topic.messages[1])).toMatchObject({
    generation: first,
    timeDeleted: expect.stringMatching(/Z$/),
  })
})

test('the service agent needs the grant: a configuration is refused, later events are dropped', async () => {
  const local = await withTopic()
  const {access, origin, topic} = local
  await access.setPolicy(TOPIC, {bindings: []})
  const refused = await configure(local, CONFIG)
  expect(await refusalOf(refused)).toEqual([
    403,
    expect.stringContaining(
      `The service account '${AGENT.replace('serviceAccount:', '')}' does not have permission to publish messages to to the Cloud Pub/Sub topic`,
    ),
  ])
  await access.setPolicy(TOPIC, {bindings: [{role: 'roles/pubsub.publisher', members: [AGENT]}]})
  expect((await configure(local, CONFIG)).status).toBe(200)
  topic.exists = false
  expect((await uploadMedia(origin, 'bucket', 'x', 'x')).status).toBe(200)
  topic.exists = true
  await access.setPolicy(TOPIC, {bindings: []})
  expect((await uploadMedia(origin, 'bucket', 'x', 'x')).status).toBe(200)
  expect(topic.messages).toEqual([])
})

test.each([
  [{payload_format: 'NONE'}, 'Required parameter: topic'],
  [{topic: TOPIC}, 'Required parameter: payload_format'],
  [{...CONFIG, payload_format: 'XML'}, 'Invalid payload_format "XML"; it is JSON_API_V1 or NONE.'],
  [{...CONFIG, event_types: ['OBJECT_CREATE']}, /^Invalid event type "OBJECT_CREATE"/],
  [{...CONFIG, topic: 'uploads'}, /^Invalid Google Cloud Pub\/Sub topic 'uploads'/],
  [{...CONFIG, topic: `${TOPIC}-gone`}, /topic .*uploads-gone not found/],
  [
    {...CONFIG, custom_attributes: Object.fromEntries(Array.from({length: 11}, (_, i) => [`k${i}`, 'v']))},
    /at most 10/,
  ],
])('the configuration %j is refused', async (config, message) => {
  const local = await withTopic()
  const response = await configure(local, config)
  expect(await refusalOf(response)).toEqual([400, expect.stringMatching(message)])
})

test('a bucket has at most ten configurations for an event type', async () => {
  const local = await withTopic()
  for (let count = 0; count < 10; count++) expect((await configure(local, CONFIG)).status).toBe(200)
  expect((await configure(local, CONFIG)).status).toBe(400)
  expect((await configure(local, {...CONFIG, event_types: ['OBJECT_DELETE']})).status).toBe(200)
})

test('configurations survive a restart and go with their bucket', async () => {
  const folder = await temporaryFolder()
  const before = await withTopic({folder})
  await configure(before, CONFIG)
  await before.stop()
  const after = await startStorage({folder})
  await uploadMedia(after.origin, 'bucket', 'x', 'x')
  expect(after.topic.messages).toHaveLength(1)
  await call(after.origin, 'DELETE', '/b/bucket/o/x')
  await call(after.origin, 'DELETE', '/b/bucket')
  await after.client.createBucket('bucket')
  expect((await after.client.bucket('bucket').getNotifications())[0]).toEqual([])
})
