import {expect, test} from 'vitest'
import {ManualClock} from '../../support/manual-clock.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'
import {
  AGENT,
  blobsOf,
  call,
  fieldsOf,
  generationOf,
  type LocalStorage,
  PROJECT,
  refusalOf,
  startStorage,
  TOPIC,
  uploadMedia,
} from './local-storage.ts'

const DAY_MS = 24 * 60 * 60 * 1000

interface Managed extends LocalStorage {
  readonly clock: ManualClock
  /** Names of the live objects once what is due after so many days was done. */
  readonly after: (days: number) => Promise<unknown[]>
}

/** A bucket with rules, whose events are published. */
async function withRules(rule: readonly object[], fields: object = {}): Promise<Managed> {
  const clock = new ManualClock()
  const local = await startStorage({clock})
  await local.access.setPolicy(TOPIC, {bindings: [{role: 'roles/pubsub.publisher', members: [AGENT]}]})
  const created = await call(local.origin, 'POST', `/b?project=${PROJECT}`, {
    name: 'bucket',
    lifecycle: {rule},
    ...fields,
  })
  expect(created.status).toBe(200)
  await call(local.origin, 'POST', '/b/bucket/notificationConfigs', {
    topic: TOPIC,
    payload_format: 'JSON_API_V1',
  })
  const after = async (days: number): Promise<unknown[]> => {
    await clock.advance(days * DAY_MS)
    return namesOf(local)
  }
  return {...local, clock, after}
}

async function namesOf({origin}: LocalStorage, query = ''): Promise<unknown[]> {
  const {items} = await fieldsOf(await call(origin, 'GET', `/b/bucket/o${query}`))
  return Array.isArray(items) ? items.map(({name}: {name: unknown}) => name) : []
}

const eventsOf = ({topic}: LocalStorage): unknown[] =>
  topic.messages.map(({attributes}) => attributes?.['eventType'])

test('objects of an age are deleted, and announced', async () => {
  const local = await withRules([{action: {type: 'Delete'}, condition: {age: 7}}])
  const {origin, topic, after} = local
  const first = await generationOf(await uploadMedia(origin, 'bucket', 'old', 'x'))
  expect(await after(3)).toEqual(['old'])
  await uploadMedia(origin, 'bucket', 'young', 'x')
  expect(await after(3)).toEqual(['old', 'young'])
  expect(await after(1.1)).toEqual(['young'])
  expect(eventsOf(local)).toEqual(['OBJECT_FINALIZE', 'OBJECT_FINALIZE', 'OBJECT_DELETE'])
  expect(topic.messages.at(-1)?.attributes).toMatchObject({objectId: 'old', objectGeneration: first})
  const payload: unknown = JSON.parse(Buffer.from(topic.messages.at(-1)?.data ?? '', 'base64').toString())
  expect(payload).toMatchObject({selfLink: `${origin}/storage/v1/b/bucket/o/old`})
  expect(blobsOf(local)).toHaveLength(1)
})

test.each([
  [{createdBefore: '2026-01-03'}, 1, ['b']],
  [{createdBefore: '2025-12-31'}, 1, ['a', 'b']],
  [{matchesPrefix: ['a', 'c'], age: 0}, 1, ['b']],
  [{matchesSuffix: ['b']}, 1, ['a']],
  [{matchesStorageClass: ['NEARLINE']}, 1, ['b']],
  [{matchesStorageClass: ['STANDARD']}, 1, ['a']],
  [{customTimeBefore: '2020-01-01'}, 1, ['b']],
  [{daysSinceCustomTime: 1}, 1, ['b']],
  [{isLive: true}, 1, []],
  [{isLive: false}, 1, ['a', 'b']],
  [{daysSinceNoncurrentTime: 0}, 1, ['a', 'b']],
  [{age: '3'}, 1, ['b']],
  [{age: 4}, 1, ['a', 'b']],
])('the condition %j after %i more days leaves %j', async (condition, days, left) => {
  const {origin, clock, after} = await withRules([{action: {type: 'Delete'}, condition}])
  const query = {uploadType: 'multipart'}
  const metadata = {name: 'a', storageClass: 'NEARLINE', customTime: '2019-12-31T00:00:00Z'}
  const body = `--x\r\n\r\n${JSON.stringify(metadata)}\r\n--x\r\n\r\nx\r\n--x--`
  const headers = {'content-type': 'multipart/related; boundary=x'}
  const sent = uploadMedia(origin, 'bucket', 'a', body, {query, headers})
  expect((await sent).status).toBe(200)
  // So that b is from another day than a.
  clock.setBack(-2 * DAY_MS)
  await uploadMedia(origin, 'bucket', 'b', 'x')
  expect(await after(days)).toEqual(left)
})

test('of the versions of an object the newest two are kept; a live one is archived first', async () => {
  const local = await withRules(
    [
      {action: {type: 'Delete'}, condition: {numNewerVersions: 2}},
      {action: {type: 'Delete'}, condition: {age: 30, isLive: true}},
    ],
    {versioning: {enabled: true}},
  )
  for (const text of ['1', '2', '3']) await uploadMedia(local.origin, 'bucket', 'x', text)
  expect(await local.after(1)).toEqual(['x'])
  expect(await namesOf(local, '?versions=true')).toEqual(['x', 'x'])
  local.topic.messages.length = 0
  expect(await local.after(30)).toEqual([])
  expect(await namesOf(local, '?versions=true')).toEqual(['x', 'x'])
  expect(eventsOf(local)).toEqual(['OBJECT_ARCHIVE'])
})

test('the class of an object goes down, a deletion comes first', async () => {
  const {origin, after} = await withRules([
    {action: {type: 'SetStorageClass', storageClass: 'NEARLINE'}, condition: {age: 1}},
    {action: {type: 'SetStorageClass', storageClass: 'COLDLINE'}, condition: {age: 2}},
    {action: {type: 'SetStorageClass', storageClass: 'STANDARD'}, condition: {age: 0}},
    {action: {type: 'Delete'}, condition: {age: 3}},
  ])
  const read = async (): Promise<unknown> => {
    const {storageClass, timeCreated, timeStorageClassUpdated} = await fieldsOf(
      await call(origin, 'GET', '/b/bucket/o/x'),
    )
    return [storageClass, timeCreated === timeStorageClassUpdated]
  }
  await uploadMedia(origin, 'bucket', 'x', 'x')
  expect(await read()).toEqual(['STANDARD', true])
  await after(1.1)
  expect(await read()).toEqual(['NEARLINE', false])
  await after(1)
  expect(await read()).toEqual(['COLDLINE', false])
  expect(await after(1)).toEqual([])
})

test('what is held or retained waits for its release', async () => {
  const {origin, after} = await withRules([{action: {type: 'Delete'}, condition: {age: 1}}], {
    retentionPolicy: {retentionPeriod: '172800'},
  })
  await uploadMedia(origin, 'bucket', 'held', 'x')
  await uploadMedia(origin, 'bucket', 'retained', 'x')
  await call(origin, 'PATCH', '/b/bucket/o/held', {temporaryHold: true})
  expect(await after(1.5)).toEqual(['held', 'retained'])
  expect(await after(1)).toEqual(['held'])
  await call(origin, 'PATCH', '/b/bucket/o/held', {temporaryHold: false})
  expect(await after(0.1)).toEqual([])
})

test('what came due while nothing ran is done at the start', async () => {
  const folder = await temporaryFolder()
  const before = await startStorage({folder, clock: new ManualClock()})
  await before.client.createBucket('bucket', {
    lifecycle: {rule: [{action: {type: 'Delete'}, condition: {age: 7}}]},
  })
  await uploadMedia(before.origin, 'bucket', 'x', 'x')
  await before.stop()
  const clock = new ManualClock(Date.parse('2026-01-09T00:00:00Z'))
  const again = await startStorage({folder, clock})
  await clock.advance(1)
  expect(await namesOf(again)).toEqual([])
})

test.each([
  [{action: {type: 'Delete'}, condition: {}}, 'A lifecycle rule needs at least one condition.'],
  [{action: {type: 'Delete'}, condition: {age: -1}}, /condition age: -1 is not a whole number/],
  [{action: {type: 'Delete'}, condition: {createdBefore: 'soon'}}, /"soon" is not a date/],
  [{action: {type: 'Delete'}, condition: {colour: 'red'}}, 'Unknown lifecycle condition: colour'],
  [{action: {type: 'Archive'}, condition: {age: 1}}, /^Invalid lifecycle action "Archive"/],
  [{action: {type: 'SetStorageClass'}, condition: {age: 1}}, /^Invalid storage class undefined/],
  [{action: {type: 'SetStorageClass', storageClass: 'ICE'}, condition: {age: 1}}, /class "ICE"/],
  [
    {action: {type: 'AbortIncompleteMultipartUpload'}, condition: {isLive: true}},
    /does not take the condition isLive/,
  ],
])('the rule %j is refused', async (rule, message) => {
  const {origin} = await startStorage()
  const response = await call(origin, 'POST', '/b?project=p', {name: 'bucket', lifecycle: {rule: [rule]}})
  expect(await refusalOf(response)).toEqual([400, expect.stringMatching(message)])
})
