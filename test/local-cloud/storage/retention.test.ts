import {expect, test} from 'vitest'
import {ManualClock} from '../../support/manual-clock.ts'
import {call, fieldsOf, generationOf, type LocalStorage, startStorage, uploadMedia} from './local-storage.ts'

const HOUR_MS = 60 * 60 * 1000

async function withPolicy(fields: object, query = ''): Promise<LocalStorage & {clock: ManualClock}> {
  const clock = new ManualClock()
  const local = await startStorage({clock})
  const created = await call(local.origin, 'POST', `/b?project=p${query}`, {name: 'bucket', ...fields})
  expect(created.status).toBe(200)
  return {...local, clock}
}

/** Status and reason. */
async function outcomeOf(response: Response): Promise<unknown> {
  if (response.ok) return response.status
  const {error} = await fieldsOf(response)
  const [first]: {reason?: unknown}[] =
    typeof error === 'object' && error !== null && 'errors' in error && Array.isArray(error.errors)
      ? error.errors
      : []
  return [response.status, first?.reason]
}

test('a retained object is neither deleted nor replaced before its time', async () => {
  const {origin, clock} = await withPolicy({retentionPolicy: {retentionPeriod: 3600}})
  await uploadMedia(origin, 'bucket', 'x', 'one')
  await uploadMedia(origin, 'bucket', 'other', 'other')
  const until = new Date(clock.now() + HOUR_MS).toISOString()
  const read = await fieldsOf(await call(origin, 'GET', '/b/bucket/o/x'))
  expect(read).toMatchObject({retentionExpirationTime: until})
  const refusal = [403, 'retentionPolicyNotMet']
  const refused = await call(origin, 'DELETE', '/b/bucket/o/x')
  expect(await refused.clone().text()).toContain(
    `Object 'bucket/x' is subject to bucket's retention policy or object retention and cannot be deleted or overwritten until ${until}`,
  )
  expect(await outcomeOf(refused)).toEqual(refusal)
  expect(await outcomeOf(await uploadMedia(origin, 'bucket', 'x', 'two'))).toEqual(refusal)
  expect(await outcomeOf(await call(origin, 'POST', '/b/bucket/o/other/rewriteTo/b/bucket/o/x', {}))).toEqual(
    refusal,
  )
  const compose = {sourceObjects: [{name: 'other'}]}
  expect(await outcomeOf(await call(origin, 'POST', '/b/bucket/o/x/compose', compose))).toEqual(refusal)
  // A condition is checked first, and metadata can be changed.
  expect((await call(origin, 'DELETE', '/b/bucket/o/x?ifGenerationMatch=1')).status).toBe(412)
  expect((await call(origin, 'PATCH', '/b/bucket/o/x', {cacheControl: 'no-store'})).status).toBe(200)
  await clock.advance(HOUR_MS)
  expect((await uploadMedia(origin, 'bucket', 'x', 'two')).status).toBe(200)
})

test("Google's client locks a policy, which can then only grow", async () => {
  const {client, clock, origin} = await withPolicy({})
  const bucket = client.bucket('bucket')
  await bucket.setRetentionPeriod(3600)
  const [metadata] = await bucket.getMetadata()
  expect(metadata.retentionPolicy).toEqual({
    retentionPeriod: '3600',
    effectiveTime: new Date(clock.now()).toISOString(),
  })
  await bucket.removeRetentionPeriod()
  expect((await bucket.getMetadata())[0]).not.toHaveProperty('retentionPolicy')
  expect(await outcomeOf(await call(origin, 'POST', '/b/bucket/lockRetentionPolicy'))).toEqual([
    400,
    'required',
  ])
  await bucket.setRetentionPeriod(3600)
  const {metageneration} = (await bucket.getMetadata())[0]
  await bucket.lock(Number(metageneration))
  expect((await bucket.getMetadata())[0].retentionPolicy).toMatchObject({isLocked: true})
  const refusal = {code: 403, errors: [expect.objectContaining({reason: 'retentionPolicyNotMet'})]}
  await expect(bucket.setRetentionPeriod(60)).rejects.toMatchObject(refusal)
  await expect(bucket.removeRetentionPeriod()).rejects.toMatchObject(refusal)
  await bucket.setRetentionPeriod(7200)
  expect((await bucket.getMetadata())[0].retentionPolicy).toMatchObject({
    retentionPeriod: '7200',
    isLocked: true,
  })
})

test('a bucket of versions archives what is retained, but does not delete it', async () => {
  const {origin} = await withPolicy({
    versioning: {enabled: true},
    retentionPolicy: {retentionPeriod: '3600'},
  })
  const generation = await generationOf(await uploadMedia(origin, 'bucket', 'x', 'one'))
  expect((await uploadMedia(origin, 'bucket', 'x', 'two')).status).toBe(200)
  expect(await outcomeOf(await call(origin, 'DELETE', `/b/bucket/o/x?generation=${generation}`))).toEqual([
    403,
    'retentionPolicyNotMet',
  ])
})

test('holds keep an object, and the release of an event-based one starts the period', async () => {
  const {origin, clock} = await withPolicy({
    defaultEventBasedHold: true,
    retentionPolicy: {retentionPeriod: '3600'},
  })
  const uploaded = await fieldsOf(await uploadMedia(origin, 'bucket', 'x', 'x'))
  expect(uploaded).toMatchObject({eventBasedHold: true})
  expect(uploaded).not.toHaveProperty('retentionExpirationTime')
  await clock.advance(2 * HOUR_MS)
  const remove = async (): Promise<unknown> => outcomeOf(await call(origin, 'DELETE', '/b/bucket/o/x'))
  expect(await remove()).toEqual([403, 'objectUnderActiveHold'])
  const patch = async (fields: object): Promise<Record<string, unknown>> =>
    fieldsOf(await call(origin, 'PATCH', '/b/bucket/o/x', fields))
  expect(await patch({eventBasedHold: false, temporaryHold: true})).toMatchObject({
    retentionExpirationTime: new Date(clock.now() + HOUR_MS).toISOString(),
  })
  expect(await remove()).toEqual([403, 'objectUnderActiveHold'])
  await patch({temporaryHold: false})
  expect(await remove()).toEqual([403, 'retentionPolicyNotMet'])
  // A copy is not held along, unless its bucket holds what is new.
  await call(origin, 'PATCH', '/b/bucket', {defaultEventBasedHold: false})
  const copy = await fieldsOf(await call(origin, 'POST', '/b/bucket/o/x/copyTo/b/bucket/o/y', {}))
  expect(copy).not.toHaveProperty('temporaryHold')
  await clock.advance(HOUR_MS)
  expect(await remove()).toBe(204)
})

test('the retention of one object is extended freely, and loosened only on purpose', async () => {
  const {origin, clock} = await withPolicy({}, '&enableObjectRetention=true')
  expect(await fieldsOf(await call(origin, 'PATCH', '/b/bucket', {labels: {a: 'b'}}))).toMatchObject({
    objectRetention: {mode: 'Enabled'},
  })
  await uploadMedia(origin, 'bucket', 'x', 'x')
  const hours = (count: number): string => new Date(clock.now() + count * HOUR_MS).toISOString()
  const retain = async (retention: object | null, query = ''): Promise<unknown> =>
    outcomeOf(await call(origin, 'PATCH', `/b/bucket/o/x${query}`, {retention}))
  expect(await retain({mode: 'Unlocked', retainUntilTime: hours(-1)})).toEqual([400, 'invalid'])
  expect(await retain({mode: 'Unlocked', retainUntilTime: hours(2)})).toBe(200)
  expect(await outcomeOf(await call(origin, 'DELETE', '/b/bucket/o/x'))).toEqual([
    403,
    'retentionPolicyNotMet',
  ])
  expect(await retain({mode: 'Unlocked', retainUntilTime: hours(1)})).toEqual([403, 'forbidden'])
  expect(await retain(null)).toEqual([403, 'forbidden'])
  const override = '?overrideUnlockedRetention=true'
  expect(await retain({mode: 'Locked', retainUntilTime: hours(1)}, override)).toBe(200)
  expect(await retain(null, override)).toEqual([403, 'forbidden'])
  expect(await retain({mode: 'Locked', retainUntilTime: hours(3)})).toBe(200)
  await clock.advance(3 * HOUR_MS)
  expect(await outcomeOf(await call(origin, 'DELETE', '/b/bucket/o/x'))).toBe(204)
})

test.each([
  [{retentionPolicy: {retentionPeriod: '0'}}],
  [{retentionPolicy: {retentionPeriod: '3155760001'}}],
  [{storageClass: 'ICE'}],
])('the bucket %j is refused', async (fields) => {
  const {origin} = await startStorage()
  const response = await call(origin, 'POST', '/b?project=p', {name: 'bucket', ...fields})
  expect(await outcomeOf(response)).toEqual([400, 'invalid'])
})

test('an object has the class of its bucket, a copy that of its own', async () => {
  const {origin} = await withPolicy({storageClass: 'NEARLINE'})
  expect(await fieldsOf(await uploadMedia(origin, 'bucket', 'x', 'x'))).toMatchObject({
    storageClass: 'NEARLINE',
  })
  await call(origin, 'POST', '/b?project=p', {name: 'archive', storageClass: 'archive', location: 'eu'})
  const copied = await call(origin, 'POST', '/b/bucket/o/x/rewriteTo/b/archive/o/x', {})
  expect(await fieldsOf(copied)).toMatchObject({resource: {storageClass: 'ARCHIVE'}})
  const moved = await call(origin, 'POST', '/b/bucket/o/x/rewriteTo/b/bucket/o/x', {storageClass: 'COLDLINE'})
  expect(await fieldsOf(moved)).toMatchObject({resource: {storageClass: 'COLDLINE'}})
  const patched = await call(origin, 'PATCH', '/b/bucket/o/x', {storageClass: 'STANDARD'})
  expect(await fieldsOf(patched)).toMatchObject({storageClass: 'COLDLINE'})
  // The place of a bucket stays.
  expect(await outcomeOf(await call(origin, 'PATCH', '/b/archive', {location: 'us'}))).toEqual([
    400,
    'invalid',
  ])
})
