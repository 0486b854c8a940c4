import {existsSync, mkdirSync, renameSync, rmSync, writeFileSync} from 'node:fs'
import {readdir} from 'node:fs/promises'
import {join} from 'node:path'
import {DatabaseSync} from 'node:sqlite'
import {Storage} from '@google-cloud/storage'
import {PubSub} from '@google-cloud/pubsub'
import {expect, onTestFinished, test} from 'vitest'
import {LocalCloud, type LocalCloudOptions} from '../../src/local-cloud/index.ts'
import {ManualClock} from '../support/manual-clock.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

async function start(options?: LocalCloudOptions): Promise<{cloud: LocalCloud; storage: Storage}> {
  const cloud = await LocalCloud.start(options)
  onTestFinished(() => cloud[Symbol.asyncDispose]())
  return {cloud, storage: storageOf(cloud)}
}

const storageOf = ({endpoint}: LocalCloud): Storage =>
  new Storage({apiEndpoint: endpoint, projectId: 'p-test', useAuthWithCustomEndpoint: false})

const namesIn = async (storage: Storage): Promise<string[]> => {
  const [buckets] = await storage.getBuckets()
  const files = await Promise.all(buckets.map((bucket) => bucket.getFiles()))
  return files.flatMap(([listed]) => listed.map(({name}) => name))
}

test('without a folder it takes a temporary one, which goes when it stops', async () => {
  const {cloud} = await start()
  const {stateFolder} = cloud.status()
  expect(existsSync(stateFolder)).toBe(true)
  await cloud[Symbol.asyncDispose]()
  expect(existsSync(stateFolder)).toBe(false)
})

test('a reset empties everything at the same address, and a client that was there before continues', async () => {
  const {cloud, storage} = await start({iam: 'audit'})
  const before = cloud.endpoint
  await storage.createBucket('bucket')
  await storage.bucket('bucket').file('a.txt').save('a')
  const pubsub = new PubSub({projectId: 'p-test', apiEndpoint: cloud.endpoint, emulatorMode: true})
  onTestFinished(() => pubsub.close())
  await pubsub.createTopic('topic')
  await cloud.reset()
  expect(cloud.endpoint).toBe(before)
  expect((await storage.getBuckets())[0]).toEqual([])
  expect((await pubsub.getTopics())[0]).toEqual([])
  expect(cloud.status()).toMatchObject({iam: 'audit', buckets: 0})
  await storage.createBucket('bucket')
  expect(await namesIn(storage)).toEqual([])
})

test('over HTTP, the answer to a reset comes when the next call meets the empty cloud', async () => {
  const {cloud, storage} = await start()
  await storage.createBucket('bucket')
  for (let round = 0; round < 3; round++) {
    const answer = await fetch(`${cloud.endpoint}/_local-cloud/reset`, {method: 'POST'})
    expect([answer.status, await answer.json()]).toEqual([200, {}])
    const listed = await fetch(`${cloud.endpoint}/storage/v1/b?project=p-test`)
    expect(await listed.json()).toEqual({kind: 'storage#buckets'})
  }
})

test('a reset amid publishes causes no error inside the local cloud', async () => {
  const {cloud} = await start()
  const call = async (method: string, path: string, body: object): Promise<number> => {
    const answer = await fetch(`${cloud.endpoint}/v1/projects/p-test/${path}`, {
      method,
      body: JSON.stringify(body),
    })
    return answer.status
  }
  for (let round = 0; round < 5; round++) {
    expect(await call('PUT', 'topics/topic', {})).toBe(200)
    expect(await call('PUT', 'subscriptions/sub', {topic: 'projects/p-test/topics/topic'})).toBe(200)
    const published = Array.from({length: 30}, () =>
      call('POST', 'topics/topic:publish', {messages: [{data: 'YQ=='}]}),
    )
    expect(await Promise.race(published)).toBe(200)
    await Promise.all([Promise.allSettled(published), cloud.reset()])
  }
})

test('a snapshot brings back objects, their bytes and unfinished uploads, as often as it is loaded', async () => {
  const {cloud, storage} = await start({stateFolder: await temporaryFolder()})
  await storage.createBucket('bucket')
  const file = storage.bucket('bucket').file('a.txt')
  await file.save('first')
  const [uri] = await storage.bucket('bucket').file('large').createResumableUpload()
  const put = (range: string, body: Buffer): Promise<Response> =>
    fetch(uri, {method: 'PUT', headers: {'content-range': `bytes ${range}`}, body: new Uint8Array(body)})
  const half = Buffer.alloc(256 * 1024, 'x')
  expect((await put('0-262143/262150', half)).status).toBe(308)
  cloud.saveSnapshot('base')
  for (let round = 0; round < 2; round++) {
    await file.save('second')
    expect((await put('262144-262149/262150', Buffer.from('ending'))).status).toBe(200)
    await storage.bucket('bucket').file('more.txt').save('more')
    await cloud.loadSnapshot('base')
    expect(await namesIn(storage)).toEqual(['a.txt'])
    expect(String((await file.download())[0])).toBe('first')
  }
  expect((await put('262144-262149/262150', Buffer.from('ending'))).status).toBe(200)
  expect((await storage.bucket('bucket').file('large').download())[0]).toHaveLength(262_150)
  expect(await cloud.snapshots()).toEqual(['base'])
  await expect(cloud.loadSnapshot('other')).rejects.toThrow('No snapshot other; there is base.')
  expect(() => cloud.saveSnapshot('../outside')).toThrow('cannot name a snapshot')
})

test.each([
  ['lacks its database', (database: string) => rmSync(database)],
  ['cannot be read', (database: string) => writeFileSync(database, 'This is no database.'.repeat(100))],
  [
    'was written by a newer version',
    (database: string) => {
      using snapshot = new DatabaseSync(database)
      snapshot.exec("UPDATE schema_versions SET version = 99 WHERE name = 'storage'")
    },
  ],
])('if a snapshot %s, the state stays as it was', async (_, spoil) => {
  const {cloud, storage} = await start()
  const {stateFolder} = cloud.status()
  await storage.createBucket('bucket')
  cloud.saveSnapshot('spoilt')
  await storage.bucket('bucket').file('a.txt').save('a')
  spoil(join(stateFolder, 'snapshots', 'spoilt', 'state.db'))
  const answer = await fetch(`${cloud.endpoint}/_local-cloud/snapshots/spoilt/load`, {method: 'POST'})
  expect([answer.status, await answer.text()]).toEqual([
    400,
    expect.stringMatching(/Snapshot spoilt cannot be loaded, so the state is the same as before: ./),
  ])
  expect(await namesIn(storage)).toEqual(['a.txt'])
  expect(String((await storage.bucket('bucket').file('a.txt').download())[0])).toBe('a')
  await cloud.reset()
  expect(cloud.status()).toMatchObject({buckets: 0})
  expect(await readdir(stateFolder)).not.toContain('previous-state')
})

test('a crash while a snapshot is loaded leaves the earlier state', async () => {
  const stateFolder = await temporaryFolder()
  {
    await using cloud = await LocalCloud.start({stateFolder})
    await storageOf(cloud).createBucket('bucket')
    await storageOf(cloud).bucket('bucket').file('a.txt').save('a')
  }
  mkdirSync(join(stateFolder, 'previous-state'))
  for (const name of ['blobs', 'state.db'])
    renameSync(join(stateFolder, name), join(stateFolder, 'previous-state', name))
  const {storage} = await start({stateFolder})
  expect(String((await storage.bucket('bucket').file('a.txt').download())[0])).toBe('a')
})

test('time that is moved ahead lets lifecycle rules act, and retries happen at once', async () => {
  const {cloud, storage} = await start({clock: new ManualClock()})
  const [bucket] = await storage.createBucket('bucket', {
    lifecycle: {rule: [{action: {type: 'Delete'}, condition: {age: 1}}]},
    softDeletePolicy: {retentionDurationSeconds: 0},
  })
  await bucket.file('a.txt').save('a')
  const answer = await fetch(`${cloud.endpoint}/_local-cloud/time`, {
    method: 'POST',
    body: JSON.stringify({advanceSeconds: 3 * 24 * 3600}),
  })
  expect(await answer.json()).toEqual({time: '2026-01-04T00:00:00.000Z'})
  await expect.poll(() => namesIn(storage)).toEqual([])
  const bad = await fetch(`${cloud.endpoint}/_local-cloud/time`, {
    method: 'POST',
    body: '{"advanceSeconds": -1}',
  })
  expect(bad.status).toBe(400)
})
