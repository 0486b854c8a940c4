import {expect, test} from 'vitest'
import {createObjects} from '../../../src/local-cloud/storage/objects.ts'
import type {StoredObject} from '../../../src/local-cloud/storage/stored-object.ts'
import {call, fieldsOf, generationOf, startStorage, uploadMedia} from './local-storage.ts'

const OBJECT = '/b/bucket/o/file.csv'
const object: StoredObject = {
  bucket: 'bucket',
  name: 'file.csv',
  generation: 1,
  metageneration: 1,
  blob: 'blob',
  sizeBytes: 0,
  md5: undefined,
  crc32c: 'AAAAAA==',
  componentCount: undefined,
  timeCreated: 0,
  updated: 0,
  timeDeleted: undefined,
  classUpdated: undefined,
  holdReleased: undefined,
  fields: {},
}

test('what was read or stored just before is as each change leaves it', async () => {
  const {origin} = await startStorage()
  await call(origin, 'POST', '/b?project=p', {name: 'bucket', versioning: {enabled: true}})
  const text = async (query = ''): Promise<string> =>
    (await call(origin, 'GET', `${OBJECT}?alt=media${query}`)).text()
  const first = await generationOf(await uploadMedia(origin, 'bucket', 'file.csv', 'first'))
  expect(await text()).toBe('first')
  expect(await text(`&generation=${first}`)).toBe('first')

  await call(origin, 'PATCH', OBJECT, {metadata: {key: 'value'}})
  expect(await fieldsOf(await call(origin, 'GET', OBJECT))).toMatchObject({
    metageneration: '2',
    metadata: {key: 'value'},
  })

  const second = await generationOf(await uploadMedia(origin, 'bucket', 'file.csv', 'second'))
  expect(await text()).toBe('second')
  expect(await text(`&generation=${first}`)).toBe('first')
  const refused = await uploadMedia(origin, 'bucket', 'file.csv', 'third', {
    query: {ifGenerationMatch: first},
  })
  expect(refused.status).toBe(412)
  expect(await text()).toBe('second')

  await call(origin, 'DELETE', OBJECT)
  expect((await call(origin, 'GET', OBJECT)).status).toBe(404)
  expect(await fieldsOf(await call(origin, 'GET', `${OBJECT}?generation=${second}`))).toHaveProperty(
    'timeDeleted',
  )
  await call(origin, 'POST', `${OBJECT}/copyTo/b/bucket/o/file.csv?sourceGeneration=${first}`, {})
  expect(await text()).toBe('first')
})

test('of many uploads of one object at once, readers get the one that is stored last', async () => {
  const {origin, client} = await startStorage()
  await client.createBucket('bucket')
  const uploads = Array.from({length: 20}, async (_, index) => {
    const answer = await uploadMedia(origin, 'bucket', 'file.csv', `bytes of ${index}`)
    return {index, generation: Number(await generationOf(answer))}
  })
  const stored = await Promise.all(uploads)
  const last = stored.toSorted((one, other) => one.generation - other.generation).at(-1)
  const answer = await call(origin, 'GET', `${OBJECT}?alt=media`)
  expect(answer.headers.get('x-goog-generation')).toBe(String(last?.generation))
  expect(await answer.text()).toBe(`bytes of ${last?.index}`)
})

test('an object that a folder was renamed with is found by its new name alone', async () => {
  const {origin} = await startStorage()
  await call(origin, 'POST', '/b?project=p', {
    name: 'bucket',
    hierarchicalNamespace: {enabled: true},
    iamConfiguration: {uniformBucketLevelAccess: {enabled: true}},
  })
  await uploadMedia(origin, 'bucket', 'old/file.csv', 'a,b')
  const read = (folder: string): Promise<Response> =>
    call(origin, 'GET', `/b/bucket/o/${folder}%2Ffile.csv?alt=media`)
  expect(await (await read('old')).text()).toBe('a,b')
  await call(origin, 'POST', '/b/bucket/folders/old%2F/renameTo/folders/new%2F')
  expect((await read('old')).status).toBe(404)
  expect(await (await read('new')).text()).toBe('a,b')
})

test('what an undone transaction stored, changed or removed is as before', async () => {
  const {state, client} = await startStorage()
  await client.createBucket('bucket')
  const objects = createObjects(state)
  const undone = (change: () => void): Promise<void> =>
    expect(
      state.write(() => {
        change()
        throw new Error('undone')
      }),
    ).rejects.toThrow('undone')
  const find = (): StoredObject | undefined => objects.find('bucket', 'file.csv')

  await undone(() => objects.insert(object))
  expect(find()).toBeUndefined()
  await state.write(() => objects.insert(object))
  objects.inserted(object)
  expect(find()).toEqual(object)
  await undone(() => {
    objects.update({...object, metageneration: 2})
    expect(find()).toHaveProperty('metageneration', 2)
  })
  expect(find()).toEqual(object)
  await undone(() => {
    objects.remove(object)
    objects.insert({...object, generation: 2})
  })
  expect(find()).toEqual(object)
  await undone(() => objects.rename('bucket', 'file', 'other'))
  expect(find()).toEqual(object)
})

test('an object that was removed in the commit that stored it is not found', async () => {
  const {state, client} = await startStorage()
  await client.createBucket('bucket')
  const objects = createObjects(state)
  await Promise.all([
    state.write(() => objects.insert(object)).then(() => objects.inserted(object)),
    state.write(() => objects.remove(object)),
  ])
  expect(objects.find('bucket', 'file.csv')).toBeUndefined()
})
