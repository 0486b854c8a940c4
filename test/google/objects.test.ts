import {EventEmitter} from 'node:events'
import {appendFile, rm, truncate, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {Readable} from 'node:stream'
import {buffer} from 'node:stream/consumers'
import {expect, onTestFinished, test} from 'vitest'
import {createObjectStore} from '../../src/google/objects.ts'
import {createRest} from '../../src/google/rest.ts'
import {LocalCloud} from '../../src/local-cloud/index.ts'
import {startServer} from '../support/answering-server.ts'
import {startFaultyProxy} from '../support/faulty-proxy.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

async function createBucket(endpoint: string): Promise<void> {
  await fetch(`${endpoint}/storage/v1/b?project=some-project`, {
    method: 'POST',
    headers: {'content-type': 'application/json'},
    body: JSON.stringify({name: 'some-bucket'}),
  })
}

function openObjects(endpoint: string) {
  const connection = {projectId: 'some-project', region: 'europe-west1', endpoint}
  return createObjectStore(connection, createRest(connection))
}

test('a small file is sent in one request, whole or not at all', async () => {
  await using cloud = await LocalCloud.start({stateFolder: await temporaryFolder()})
  await createBucket(cloud.endpoint)
  const requests: string[] = []
  let isDamaging = false
  let fails = 0
  const endpoint = await startServer((request, response) => {
    void buffer(request).then(async (body) => {
      requests.push(`${request.method} ${request.url?.split('?', 1)[0]}`)
      if (fails-- > 0) return response.writeHead(503).end()
      const text = body.toString('latin1')
      const answer = await fetch(`${cloud.endpoint}${request.url}`, {
        method: request.method ?? '',
        headers: {'content-type': request.headers['content-type'] ?? ''},
        body: Buffer.from(isDamaging ? text.replace('1,2', '1,3') : text, 'latin1'),
      })
      return response.writeHead(answer.status).end(await answer.text())
    })
  })
  const objects = openObjects(endpoint)
  const file = join(await temporaryFolder(), 'a.csv')
  await writeFile(file, 'a,b\n1,2\n')
  const upload = {
    bucket: 'some-bucket',
    name: 'folder/ä b.csv',
    source: {file, sizeBytes: 8},
    contentType: 'text/csv',
    metadata: {'label-column': 'größe'},
    signal: new AbortController().signal,
  }
  isDamaging = true
  await expect(objects.upload(upload)).rejects.toMatchObject({code: 'checksum-mismatch'})
  expect(await openObjects(cloud.endpoint).stat('some-bucket', upload.name)).toBeUndefined()
  isDamaging = false
  requests.length = 0
  fails = 1
  const stored = await objects.upload({...upload, expectedGeneration: '0'})
  expect(requests).toEqual(Array(2).fill('POST /upload/storage/v1/b/some-bucket/o'))
  expect(stored).toMatchObject({
    name: upload.name,
    sizeBytes: 8,
    contentType: 'text/csv',
    metadata: upload.metadata,
  })
  const {generation} = stored
  const content = await buffer(
    await openObjects(cloud.endpoint).read('some-bucket', upload.name, {generation, signal: upload.signal}),
  )
  expect(content.toString()).toBe('a,b\n1,2\n')
  await expect(objects.upload({...upload, expectedGeneration: '0'})).rejects.toMatchObject({
    code: 'precondition-failed',
  })
  await rm(file)
  await expect(objects.upload(upload)).rejects.toThrow(/^Uploading folder\/ä b\.csv to .*: ENOENT/)
  const left = AbortSignal.abort(new DOMException('', 'AbortError'))
  await expect(objects.upload({...upload, signal: left})).rejects.toMatchObject({code: 'interrupted'})
})

test('a large file reports what has been sent, and is not stored if it changes meanwhile', async () => {
  await using cloud = await LocalCloud.start({stateFolder: await temporaryFolder()})
  await createBucket(cloud.endpoint)
  const objects = openObjects(cloud.endpoint)
  const file = join(await temporaryFolder(), 'large.csv')
  const sizeBytes = 12 * 1024 * 1024
  await writeFile(file, '')
  await truncate(file, sizeBytes)
  const sent: number[] = []
  const upload = {bucket: 'some-bucket', name: 'large.csv', signal: new AbortController().signal}
  const stored = await objects.upload({
    ...upload,
    source: {file, sizeBytes},
    progress: (sentBytes) => sent.push(sentBytes),
  })
  expect(stored.sizeBytes).toBe(sizeBytes)
  expect(sent.at(-1)).toBe(sizeBytes)
  expect(sent).toEqual(sent.toSorted((a, b) => a - b))

  let write: Promise<void> | undefined
  const changing = objects.upload({
    ...upload,
    source: {file, sizeBytes},
    progress: () => void (write ??= appendFile(file, 'x')),
  })
  await expect(changing).rejects.toMatchObject({
    code: 'file-changed',
    message: `${file} changed while it was being uploaded, so it was not stored.`,
  })
  expect(await objects.stat('some-bucket', 'large.csv')).toMatchObject({generation: stored.generation})
})

test.each(['fails', 'losesAnswer'] as const)(
  'a large upload that %s in between arrives whole',
  async (fault) => {
    await using cloud = await LocalCloud.start({stateFolder: await temporaryFolder()})
    await createBucket(cloud.endpoint)
    const proxy = await startFaultyProxy(cloud.endpoint)
    proxy[fault] = onceOf((method) => method === 'PUT')
    const file = join(await temporaryFolder(), 'large.csv')
    const bytes = Buffer.alloc(12 * 1024 * 1024, 'a,b\n1,2\n')
    await writeFile(file, bytes)
    const signal = new AbortController().signal
    const source = {file, sizeBytes: bytes.length}
    const stored = await openObjects(proxy.origin).upload({
      bucket: 'some-bucket',
      name: 'large.csv',
      source,
      signal,
    })
    expect(proxy.requests.filter((request) => request.startsWith('PUT')).length).toBeGreaterThan(1)
    const {generation} = stored
    const out = await openObjects(cloud.endpoint).read('some-bucket', 'large.csv', {generation, signal})
    expect((await buffer(out)).equals(bytes)).toBe(true)
  },
)

/** Picks the first call that matches. */
function onceOf(matches: (method: string) => boolean): (method: string) => boolean {
  let isOver = false
  return (method) => {
    if (isOver || !matches(method)) return false
    isOver = true
    return true
  }
}

test('a download warns of no leak and leaves the limit of every other emitter alone', async () => {
  await using cloud = await LocalCloud.start({stateFolder: await temporaryFolder()})
  await createBucket(cloud.endpoint)
  const warnings: string[] = []
  const note = ({message}: Error) => void warnings.push(message)
  process.on('warning', note)
  onTestFinished(() => void process.off('warning', note))

  const objects = openObjects(cloud.endpoint)
  const {signal} = new AbortController()
  const {generation} = await objects.upload({
    bucket: 'some-bucket',
    name: 'a.csv',
    source: {stream: Readable.from([Buffer.from('a,b\n1,2\n')])},
    signal,
  })
  const content = await buffer(await objects.read('some-bucket', 'a.csv', {generation, signal}))

  expect(content.toString()).toBe('a,b\n1,2\n')
  expect(warnings).toEqual([])
  expect(EventEmitter.defaultMaxListeners).toBe(10)
})
