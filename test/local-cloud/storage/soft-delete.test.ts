import {expect, test, vi} from 'vitest'
import {ManualClock} from '../../support/manual-clock.ts'
import {
  call,
  fieldsOf,
  generationOf,
  type LocalStorage,
  refusalOf,
  startStorage,
  uploadMedia,
} from './local-storage.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const WEEK = {retentionDurationSeconds: '604800'}

async function withSoftDelete(fields: object = {}): Promise<LocalStorage & {clock: ManualClock}> {
  const clock = new ManualClock()
  const local = await startStorage({clock})
  const bucket = {name: 'bucket', softDeletePolicy: WEEK, ...fields}
  expect((await call(local.origin, 'POST', '/b?project=p', bucket)).status).toBe(200)
  return {...local, clock}
}

async function deleted({origin}: LocalStorage): Promise<unknown[]> {
  const {items} = await fieldsOf(await call(origin, 'GET', '/b/bucket/o?softDeleted=true'))
  return Array.isArray(items) ? items.map(({generation}: {generation: unknown}) => generation) : []
}

test("Google's client lists and restores what was deleted, until it is gone for good", async () => {
  const local = await withSoftDelete()
  const {client, clock, origin, state} = local
  const bucket = client.bucket('bucket')
  const file = bucket.file('dir/a.csv')
  await file.save('a,b', {resumable: false, contentType: 'text/csv', metadata: {metadata: {k: 'v'}}})
  const generation = Number((await file.getMetadata())[0].generation)
  await file.delete()
  expect(await file.exists()).toEqual([false])
  expect(await fieldsOf(await call(origin, 'GET', '/b/bucket/o'))).toEqual({kind: 'storage#objects'})

  const [files] = await bucket.getFiles({softDeleted: true})
  expect(files.map(({metadata}) => metadata)).toMatchObject([
    {
      name: 'dir/a.csv',
      softDeleteTime: new Date(clock.now()).toISOString(),
      hardDeleteTime: new Date(clock.now() + 7 * DAY_MS).toISOString(),
    },
  ])
  const [metadata] = await bucket.file('dir/a.csv', {generation}).getMetadata({softDeleted: true})
  expect(metadata).toMatchObject({generation: String(generation), size: '3'})
  expect(
    (await call(origin, 'GET', `/b/bucket/o/dir%2Fa.csv?generation=${generation}&alt=media`)).status,
  ).toBe(404)

  await clock.advance(6 * DAY_MS)
  await file.restore({generation})
  expect((await file.download())[0].toString()).toBe('a,b')
  const [restored] = await file.getMetadata()
  expect(restored).toMatchObject({metadata: {k: 'v'}, contentType: 'text/csv', metageneration: '1'})
  expect(Number(restored.generation)).toBeGreaterThan(generation)
  // It stays restorable until its week is over.
  expect(await deleted(local)).toEqual([String(generation)])

  await file.delete()
  await clock.advance(DAY_MS)
  expect(await deleted(local)).toEqual([restored.generation])
  await expect(file.restore({generation})).rejects.toMatchObject({code: 404})
  const keptBytes = () => state.database.prepare('SELECT bytes FROM small_blobs').all()
  expect(keptBytes()).toEqual([{bytes: new Uint8Array(Buffer.from('a,b'))}])
  await clock.advance(7 * DAY_MS)
  expect(await deleted(local)).toEqual([])
  expect(keptBytes()).toEqual([])
})

test('what is overwritten can be restored over what replaced it, under a condition', async () => {
  const local = await withSoftDelete()
  const first = await generationOf(await uploadMedia(local.origin, 'bucket', 'x', 'one'))
  const second = await generationOf(await uploadMedia(local.origin, 'bucket', 'x', 'two'))
  expect(await deleted(local)).toEqual([first])
  const restore = (query: string): Promise<Response> =>
    call(local.origin, 'POST', `/b/bucket/o/x/restore?${query}`)
  expect((await restore(`generation=${first}&ifGenerationMatch=0`)).status).toBe(412)
  expect((await restore(`generation=${second}`)).status).toBe(404)
  expect((await restore('')).status).toBe(400)
  expect((await restore(`generation=${first}`)).status).toBe(200)
  expect(await (await call(local.origin, 'GET', '/b/bucket/o/x?alt=media')).text()).toBe('one')
  expect(await deleted(local)).toEqual([first, second])
})

test('of versions only the noncurrent ones are soft-deleted', async () => {
  const local = await withSoftDelete({versioning: {enabled: true}})
  const generation = await generationOf(await uploadMedia(local.origin, 'bucket', 'x', 'one'))
  await call(local.origin, 'DELETE', '/b/bucket/o/x')
  expect(await deleted(local)).toEqual([])
  await call(local.origin, 'DELETE', `/b/bucket/o/x?generation=${generation}`)
  expect(await deleted(local)).toEqual([generation])
  // A bucket whose objects are all deleted can go, and takes them along.
  expect((await call(local.origin, 'DELETE', '/b/bucket')).status).toBe(204)
  await call(local.origin, 'POST', '/b?project=p', {name: 'bucket', softDeletePolicy: WEEK})
  expect(await deleted(local)).toEqual([])
})

test('a bucket keeps nothing unless it was told to, and says so', async () => {
  const local = await startStorage()
  await local.client.createBucket('bucket')
  const bucket = await fieldsOf(await call(local.origin, 'GET', '/b/bucket'))
  expect(bucket).toMatchObject({softDeletePolicy: {retentionDurationSeconds: '0'}})
  await uploadMedia(local.origin, 'bucket', 'x', 'x')
  await call(local.origin, 'DELETE', '/b/bucket/o/x')
  for (const query of ['softDeleted=true', 'softDeleted=true&versions=true'])
    expect((await call(local.origin, 'GET', `/b/bucket/o?${query}`)).status).toBe(400)
  const changed = await call(local.origin, 'PATCH', '/b/bucket', {
    softDeletePolicy: {retentionDurationSeconds: 604_800},
  })
  expect(await fieldsOf(changed)).toMatchObject({
    softDeletePolicy: {retentionDurationSeconds: '604800', effectiveTime: expect.stringMatching(/Z$/)},
  })
  for (const retentionDurationSeconds of ['604799', '7776001', 'x']) {
    const response = await call(local.origin, 'PATCH', '/b/bucket', {
      softDeletePolicy: {retentionDurationSeconds},
    })
    expect(await refusalOf(response)).toEqual([400, expect.stringContaining('7 to 90 days')])
  }
})

test('a deleted bucket is listed and restored with its policy and its deleted objects, until its time is over', async () => {
  const local = await withSoftDelete()
  const {client, clock, origin} = local
  const created = await fieldsOf(await call(origin, 'GET', '/b/bucket'))
  const bindings = [{role: 'roles/storage.objectViewer', members: ['user:a@example.com']}]
  await call(origin, 'PUT', '/b/bucket/iam', {bindings})
  await uploadMedia(origin, 'bucket', 'x', 'x')
  await call(origin, 'DELETE', '/b/bucket/o/x')
  await client.bucket('bucket').delete()

  const which = `generation=${String(created['generation'])}`
  expect(await fieldsOf(await call(origin, 'GET', '/b?project=p&softDeleted=true'))).toMatchObject({
    items: [
      {
        name: 'bucket',
        generation: created['generation'],
        softDeleteTime: expect.stringMatching(/Z$/),
        hardDeleteTime: expect.stringMatching(/Z$/),
      },
    ],
  })
  expect((await call(origin, 'GET', '/b/bucket')).status).toBe(404)
  expect((await call(origin, 'GET', `/b/bucket?softDeleted=true&${which}`)).status).toBe(200)

  // One of its name is in the way, and sees nothing of it.
  await call(origin, 'POST', '/b?project=p', {name: 'bucket', softDeletePolicy: WEEK})
  expect(await deleted(local)).toEqual([])
  expect((await call(origin, 'POST', `/b/bucket/restore?${which}`)).status).toBe(409)
  await call(origin, 'PATCH', '/b/bucket', {softDeletePolicy: {retentionDurationSeconds: '0'}})
  await call(origin, 'DELETE', '/b/bucket')

  expect(await fieldsOf(await call(origin, 'POST', `/b/bucket/restore?${which}`))).toEqual(created)
  expect(await fieldsOf(await call(origin, 'GET', '/b/bucket/iam'))).toMatchObject({bindings})
  expect(await deleted(local)).toHaveLength(1)

  await call(origin, 'DELETE', '/b/bucket')
  await clock.advance(7 * DAY_MS)
  expect((await call(origin, 'GET', `/b/bucket?softDeleted=true&${which}`)).status).toBe(404)
})

test('many objects are restored at once, by glob and by time, in an operation that is polled', async () => {
  const local = await withSoftDelete()
  const {clock, origin} = local
  const upload = (name: string, content: string): Promise<Response> =>
    uploadMedia(origin, 'bucket', name, content)
  const remove = (name: string): Promise<Response> =>
    call(origin, 'DELETE', `/b/bucket/o/${encodeURIComponent(name)}`)
  await upload('early/a.csv', 'a')
  await remove('early/a.csv')
  await clock.advance(DAY_MS)
  const noon = new Date(clock.now()).toISOString()
  await clock.advance(DAY_MS)
  for (const name of ['in/a.csv', 'in/b.csv', 'in/c.txt']) {
    await upload(name, `first ${name}`)
    await upload(name, `last ${name}`)
    await clock.advance(1000)
    await remove(name)
  }
  await upload('in/b.csv', 'live')

  const restore = async (body: object): Promise<unknown> => {
    const response = await call(origin, 'POST', '/b/bucket/o/bulkRestore', body)
    const {name, done} = await fieldsOf(response)
    expect([response.status, done]).toEqual([200, undefined])
    const path = String(name).replace('projects/_/buckets', '/b')
    return vi.waitFor(async () => {
      const operation = await fieldsOf(await call(origin, 'GET', path))
      expect(operation).toMatchObject({kind: 'storage#operation', name, done: true})
      return operation['metadata']
    })
  }
  expect(await restore({matchGlobs: ['*/*.csv'], softDeletedAfterTime: noon})).toMatchObject({
    succeededCount: '1',
    skippedCount: '1',
    failedCount: '0',
    commonMetadata: {type: 'bulk-restore-objects'},
  })
  const contentOf = async (name: string): Promise<string> =>
    (await call(origin, 'GET', `/b/bucket/o/${encodeURIComponent(name)}?alt=media`)).text()
  expect(await Promise.all(['in/a.csv', 'in/b.csv'].map(contentOf))).toEqual(['last in/a.csv', 'live'])
  const names = async (): Promise<unknown> =>
    (await local.client.bucket('bucket').getFiles())[0].map(({name}) => name)
  expect(await names()).toEqual(['in/a.csv', 'in/b.csv'])

  expect(await restore({allowOverwrite: true})).toMatchObject({succeededCount: '4', skippedCount: '0'})
  expect(await names()).toEqual(['early/a.csv', 'in/a.csv', 'in/b.csv', 'in/c.txt'])
  expect(await contentOf('in/b.csv')).toBe('last in/b.csv')
  const {operations} = await fieldsOf(await call(origin, 'GET', '/b/bucket/operations'))
  expect(operations).toHaveLength(2)

  expect((await call(origin, 'GET', '/b/bucket/operations/none')).status).toBe(404)
  const refused = await call(origin, 'POST', '/b/bucket/o/bulkRestore', {softDeletedAfterTime: 'noon'})
  expect(await refusalOf(refused)).toEqual([400, expect.stringContaining('softDeletedAfterTime')])
  await local.client.createBucket('plain')
  expect((await call(origin, 'POST', '/b/plain/o/bulkRestore', {})).status).toBe(400)
})
