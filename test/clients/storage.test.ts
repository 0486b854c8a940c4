import {randomBytes} from 'node:crypto'
import {readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {Readable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {Storage} from '@google-cloud/storage'
import {Storage as Storage7} from 'google-cloud-storage-7'
import {expect, it, onTestFinished, vi} from 'vitest'
import {startTools, type Tools} from '../support/tool.ts'

type Client = Pick<Storage, 'bucket' | 'createBucket' | 'getServiceAccount'>
const OPTIONS = {projectId: 'client-tools'}

/** The majors of the client that are in use, as this test uses them: by what both have. */
const MAJORS: readonly [major: string, connect: () => Client][] = [
  ['8', () => new Storage(OPTIONS)],
  [
    '7',
    () =>
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same calls, of classes that are declared twice
      new Storage7(OPTIONS) as unknown as Client,
  ],
]

/** Larger than what the clients send in one piece of a resumable upload below. */
const LARGE = randomBytes(3 * 256 * 1024 + 17)

it.each(MAJORS)("Google's client for storage, major %s: all that a script does", async (_major, connect) => {
  const {local, project, folder} = await startTools()
  vi.stubEnv('STORAGE_EMULATOR_HOST', local.endpoint)
  onTestFinished(() => void vi.unstubAllEnvs())
  const client = connect()
  const [bucket] = await client.createBucket('majors', {location: 'EU', versioning: {enabled: true}})
  expect((await bucket.getMetadata())[0]).toMatchObject({
    location: 'EU',
    versioning: {enabled: true},
  })

  await uploads(bucket, folder)
  await downloads(bucket, folder)
  await metadata(bucket)
  await copies(bucket)
  await preconditions(bucket)
  await notifications(client, bucket, {local, project})

  await bucket.deleteFiles({versions: true})
  expect((await bucket.getFiles({versions: true}))[0]).toEqual([])
  await bucket.delete()
  expect(await bucket.exists()).toEqual([false])
})

type Bucket = ReturnType<Client['bucket']>

async function uploads(bucket: Bucket, folder: string): Promise<void> {
  const path = join(folder, 'large.bin')
  await writeFile(path, LARGE)
  for (const resumable of [false, true]) {
    const destination = `up/${resumable ? 'resumable' : 'simple'}.bin`
    const [file] = await bucket.upload(path, {destination, resumable, validation: 'md5'})
    // The client's number after a resumable upload, the server's text otherwise.
    expect(Number(file.metadata.size)).toBe(LARGE.length)
  }
  await pipeline(
    Readable.from([LARGE.subarray(0, 300_000), LARGE.subarray(300_000)]),
    bucket.file('up/chunked.bin').createWriteStream({resumable: true, chunkSize: 256 * 1024}),
  )
  await bucket.file('text/ü %2F?#.csv').save('a,b\n1,2\n', {contentType: 'text/csv', resumable: false})
}

async function downloads(bucket: Bucket, folder: string): Promise<void> {
  for (const name of ['simple', 'resumable', 'chunked']) {
    const file = bucket.file(`up/${name}.bin`)
    for (const validation of ['crc32c', 'md5'] as const)
      expect(LARGE.equals((await file.download({validation}))[0])).toBe(true)
    await file.download({destination: join(folder, name)})
    expect(LARGE.equals(await readFile(join(folder, name)))).toBe(true)
  }
  expect((await bucket.file('text/ü %2F?#.csv').download({start: 4, end: 6}))[0].toString()).toBe('1,2')
  await expect(bucket.file('missing').download()).rejects.toMatchObject({code: 404})
  const names: string[][] = []
  let page: object | null = {prefix: 'up/', maxResults: 2}
  while (page !== null) {
    const [files, next]: [{name: string}[], object | null, unknown] = await bucket.getFiles({
      ...page,
      autoPaginate: false,
    })
    names.push(files.map(({name}) => name))
    page = next
  }
  expect(names).toEqual([['up/chunked.bin', 'up/resumable.bin'], ['up/simple.bin']])
  const [, query, response] = await bucket.getFiles({delimiter: '/', autoPaginate: false})
  expect([query, response]).toMatchObject([null, {prefixes: ['text/', 'up/']}])
}

async function metadata(bucket: Bucket): Promise<void> {
  const file = bucket.file('text/ü %2F?#.csv')
  await file.setMetadata({cacheControl: 'no-store', metadata: {'label-column': 'b', gone: 'x'}})
  await file.setMetadata({metadata: {gone: null}})
  const [now] = await file.getMetadata()
  expect(now).toMatchObject({cacheControl: 'no-store', contentType: 'text/csv', metageneration: '3'})
  expect(now.metadata).toEqual({'label-column': 'b'})
  await bucket.setLabels({team: 'a'})
  expect((await bucket.getLabels())[0]).toEqual({team: 'a'})
}

async function copies(bucket: Bucket): Promise<void> {
  const text = bucket.file('text/ü %2F?#.csv')
  const [copy] = await text.copy(bucket.file('text/copy.csv'))
  expect((await copy.getMetadata())[0]).toMatchObject({metadata: {'label-column': 'b'}})
  const [joined] = await bucket.combine([text, copy], 'text/joined.csv')
  expect((await joined.download())[0].toString()).toBe('a,b\n1,2\n'.repeat(2))
  expect((await joined.getMetadata())[0]).toMatchObject({componentCount: 2, size: '16'})
  await copy.move('text/moved.csv')
  expect(await copy.exists()).toEqual([false])
  expect(await bucket.file('text/moved.csv').exists()).toEqual([true])
}

async function preconditions(bucket: Bucket): Promise<void> {
  const file = bucket.file('conditional')
  const save = (text: string, ifGenerationMatch: number): Promise<void> =>
    file.save(text, {resumable: false, preconditionOpts: {ifGenerationMatch}})
  await save('first', 0)
  const generation = Number((await file.getMetadata())[0].generation)
  await expect(save('late', 0)).rejects.toMatchObject({code: 412})
  await save('second', generation)
  await expect(file.delete({ifGenerationMatch: generation})).rejects.toMatchObject({code: 412})
  const older = bucket.file('conditional', {generation})
  expect((await older.download())[0].toString()).toBe('first')
  const [versions] = await bucket.getFiles({prefix: 'conditional', versions: true})
  expect(versions).toHaveLength(2)
}

async function notifications(
  client: Client,
  bucket: Bucket,
  {local, project}: Pick<Tools, 'local' | 'project'>,
): Promise<void> {
  const pubsub = async (method: string, path: string, body: object): Promise<unknown> => {
    const response = await fetch(`${local.endpoint}/v1/projects/${project}/${path}`, {
      method,
      body: JSON.stringify(body),
    })
    expect(response.status).toBe(200)
    return response.json()
  }
  const topic = `projects/${project}/topics/uploads`
  await pubsub('PUT', 'topics/uploads', {})
  await pubsub('PUT', 'subscriptions/uploads', {topic})
  const [{emailAddress}] = await client.getServiceAccount()
  await pubsub('POST', 'topics/uploads:setIamPolicy', {
    policy: {bindings: [{role: 'roles/pubsub.publisher', members: [`serviceAccount:${emailAddress ?? ''}`]}]},
  })
  const [notification] = await bucket.createNotification(topic, {
    eventTypes: ['OBJECT_FINALIZE'],
    objectNamePrefix: 'told/',
    customAttributes: {team: 'a'},
  })
  expect((await bucket.getNotifications())[0]).toHaveLength(1)
  await bucket.file('told/one').save('x', {resumable: false})
  expect(await pubsub('POST', 'subscriptions/uploads:pull', {maxMessages: 2})).toMatchObject({
    receivedMessages: [
      {message: {attributes: {objectId: 'told/one', eventType: 'OBJECT_FINALIZE', team: 'a'}}},
    ],
  })
  await notification.delete()
  expect((await bucket.getNotifications())[0]).toEqual([])
}
