import {randomBytes} from 'node:crypto'
import {Storage} from '@google-cloud/storage'
import {expect, it, onTestFinished} from 'vitest'
import {LocalCloud} from '../../../src/local-cloud/index.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

interface RetryTest {
  readonly id: string
  readonly instructions: Record<string, string[]>
  readonly completed: boolean
}

async function start(): Promise<{
  cloud: LocalCloud
  /** Makes a retry test. @returns a client whose calls carry its id */
  arm: (instructions: Record<string, string[]>) => Promise<{storage: Storage; test: () => Promise<RetryTest>}>
}> {
  const cloud = await LocalCloud.start({stateFolder: await temporaryFolder()})
  onTestFinished(() => cloud[Symbol.asyncDispose]())
  const plain = new Storage({apiEndpoint: cloud.endpoint, projectId: 'p-test'})
  await plain.createBucket('bucket')
  return {
    cloud,
    async arm(instructions) {
      const response = await fetch(`${cloud.endpoint}/retry_test`, {
        method: 'POST',
        body: JSON.stringify({instructions}),
      })
      const created: RetryTest = JSON.parse(await response.text())
      const storage = new Storage({
        apiEndpoint: cloud.endpoint,
        projectId: 'p-test',
        retryOptions: {retryDelayMultiplier: 1, maxRetryDelay: 2, maxRetries: 5},
      })
      storage.interceptors.push({
        request: (options) =>
          Object.assign(options, {
            uri: 'uri' in options ? options.uri : '',
            headers: {...options.headers, 'x-retry-test-id': created.id},
          }),
      })
      return {
        storage,
        async test() {
          const answer = await fetch(`${cloud.endpoint}/retry_test/${created.id}`)
          const current: RetryTest = JSON.parse(await answer.text())
          return current
        },
      }
    },
  }
}

it("has Google's client repeat what fails, and says when all of it has happened", async () => {
  const {arm} = await start()
  const {storage, test} = await arm({
    'storage.buckets.get': ['return-503', 'return-reset-connection'],
    'storage.objects.list': ['return-429'],
  })
  expect(await test()).toMatchObject({
    completed: false,
    instructions: {'storage.objects.list': ['return-429']},
  })
  await storage.bucket('bucket').getMetadata()
  expect((await test()).instructions).toEqual({
    'storage.buckets.get': [],
    'storage.objects.list': ['return-429'],
  })
  await storage.bucket('bucket').getFiles()
  expect(await test()).toMatchObject({completed: true})
})

it('an error that is not to be repeated reaches the caller', async () => {
  const {arm} = await start()
  const {storage} = await arm({'storage.buckets.get': ['return-401']})
  await expect(storage.bucket('bucket').getMetadata()).rejects.toMatchObject({code: 401})
})

it.each(['return-503-after-256K', 'return-broken-stream-final-chunk-after-40B', 'stall-for-1s-after-256K'])(
  'a resumable upload gets through %s whole',
  async (failure) => {
    const {arm} = await start()
    const {storage, test} = await arm({'storage.objects.insert': [failure]})
    const content = randomBytes(600 * 1024)
    const file = storage.bucket('bucket').file('large')
    await file.save(content, {resumable: true, preconditionOpts: {ifGenerationMatch: 0}})
    expect(await test()).toMatchObject({completed: true})
    expect((await file.download())[0].equals(content)).toBe(true)
  },
)

it('an upload whose client has left a stalled chunk continues at once', async () => {
  const {cloud} = await start()
  const instructions = {'storage.objects.insert': ['stall-for-60s-after-1024K']}
  const armed = await fetch(`${cloud.endpoint}/retry_test`, {
    method: 'POST',
    body: JSON.stringify({instructions}),
  })
  const {id}: RetryTest = JSON.parse(await armed.text())
  const url = `${cloud.endpoint}/upload/storage/v1/b/bucket/o?uploadType=resumable&name=large`
  const begun = await fetch(url, {method: 'POST', headers: {'x-retry-test-id': id}})
  const content = randomBytes(4 * 1024 * 1024)
  const send = (signal?: AbortSignal) =>
    fetch(begun.headers.get('location') ?? '', {
      method: 'PUT',
      headers: {'x-retry-test-id': id, 'content-range': `bytes 0-${content.length - 1}/${content.length}`},
      body: content,
      ...(signal ? {signal} : {}),
    })
  await expect(send(AbortSignal.timeout(300))).rejects.toThrow(/aborted due to timeout/)
  expect((await send(AbortSignal.timeout(20_000))).status).toBe(200)
})

it.each([
  ['storage.bucket_acl.list', '/b/bucket/acl'],
  ['storage.defaultObjectAccessControls.list', '/b/bucket/defaultObjectAcl'],
  ['storage.serviceaccount.get', '/projects/p-test/serviceAccount'],
])('fails %s by its name in either list', async (method, path) => {
  const {cloud} = await start()
  const body = JSON.stringify({instructions: {[method]: ['return-503']}})
  const created: RetryTest = JSON.parse(
    await (await fetch(`${cloud.endpoint}/retry_test`, {method: 'POST', body})).text(),
  )
  const url = `${cloud.endpoint}/storage/v1${path}`
  expect((await fetch(url, {headers: {'x-retry-test-id': created.id}})).status).toBe(503)
  expect((await fetch(url, {headers: {'x-retry-test-id': created.id}})).status).toBe(200)
})

it('cuts a download off after the requested bytes', async () => {
  const {cloud} = await start()
  const content = randomBytes(600 * 1024)
  await new Storage({apiEndpoint: cloud.endpoint, projectId: 'p-test'})
    .bucket('bucket')
    .file('x')
    .save(content)
  const response = await fetch(`${cloud.endpoint}/retry_test`, {
    method: 'POST',
    body: JSON.stringify({instructions: {'storage.objects.get': ['return-broken-stream-after-256K']}}),
  })
  const {id}: RetryTest = JSON.parse(await response.text())
  const read = async () => {
    const answer = await fetch(`${cloud.endpoint}/download/storage/v1/b/bucket/o/x?alt=media`, {
      headers: {'x-retry-test-id': id},
    })
    let bytes = 0
    try {
      for await (const chunk of answer.body ?? []) bytes += chunk.length
      return {bytes, whole: true}
    } catch {
      return {bytes, whole: false}
    }
  }
  expect(await read()).toEqual({bytes: 256 * 1024, whole: false})
  expect(await read()).toEqual({bytes: content.length, whole: true})
})

it.each([
  [{'storage.buckets.explode': ['return-503']}, 400],
  [{'storage.buckets.get': ['return-nonsense']}, 400],
  [{}, 400],
])('refuses the instructions %j', async (instructions, status) => {
  const {cloud} = await start()
  const body = JSON.stringify({instructions})
  expect((await fetch(`${cloud.endpoint}/retry_test`, {method: 'POST', body})).status).toBe(status)
  expect((await fetch(`${cloud.endpoint}/retry_test/none`)).status).toBe(404)
})

it('lets calls of a retry test delete and replace what is retained, and no other calls', async () => {
  const {cloud, arm} = await start()
  const plain = new Storage({apiEndpoint: cloud.endpoint, projectId: 'p-test'})
  const bucket = plain.bucket('bucket')
  await bucket.setRetentionPeriod(600)
  for (const name of ['deleted', 'replaced', 'kept']) await bucket.file(name).save('x', {resumable: false})
  const {storage} = await arm({'storage.objects.get': ['return-503']})
  await storage.bucket('bucket').file('deleted').delete()
  await storage.bucket('bucket').file('replaced').save('y', {resumable: false})
  await expect(bucket.file('kept').delete()).rejects.toMatchObject({code: 403})
  const removeAs = async (id: string): Promise<number> => {
    const url = `${cloud.endpoint}/storage/v1/b/bucket/o/kept`
    return (await fetch(url, {method: 'DELETE', headers: {'x-retry-test-id': id}})).status
  }
  expect(await removeAs('unknown')).toBe(403)
})

it('lets calls of a retry test begin an upload that its precondition forbids, and lock what has no policy', async () => {
  const {cloud, arm} = await start()
  const plain = new Storage({apiEndpoint: cloud.endpoint, projectId: 'p-test'})
  await plain.bucket('bucket').file('x').save('x', {resumable: false})
  const {storage} = await arm({'storage.objects.get': ['return-503']})
  const begin = (from: Storage): Promise<unknown> =>
    from
      .bucket('bucket')
      .file('x')
      .createResumableUpload({preconditionOpts: {ifGenerationMatch: 0}})
  await begin(storage)
  await expect(begin(plain)).rejects.toMatchObject({code: 412})
  const save = storage
    .bucket('bucket')
    .file('x')
    .save('y', {preconditionOpts: {ifGenerationMatch: 0}})
  await expect(save).rejects.toMatchObject({code: 412})
  await storage.bucket('bucket').lock(1)
  await expect(plain.bucket('bucket').lock(1)).rejects.toMatchObject({code: 400})
})

it('creates notifications without a topic only while a retry test exists', async () => {
  const {cloud, arm} = await start()
  const notification = new Storage({apiEndpoint: cloud.endpoint, projectId: 'p-test'})
    .bucket('bucket')
    .notification('missing')
  await expect(notification.create()).rejects.toMatchObject({code: 400})
  await arm({'storage.objects.get': ['return-503']})
  await notification.create()
})
