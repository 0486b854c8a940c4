import {expect, test} from 'vitest'
import {gzipSync} from 'node:zlib'
import {request} from 'node:http'
import {once} from 'node:events'
import {readdir} from 'node:fs/promises'
import {join} from 'node:path'
import {ManualClock} from '../../support/manual-clock.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'
import {
  blobsOf,
  call,
  fieldsOf,
  generationOf,
  type LocalStorage,
  refusalOf,
  startStorage,
  uploadMedia,
} from './local-storage.ts'

const OBJECT = '/b/bucket/o/dir%2Ffile.csv'

async function withBucket(options: Parameters<typeof startStorage>[0] = {}): Promise<LocalStorage> {
  const local = await startStorage(options)
  await local.client.createBucket('bucket')
  return local
}

test("Google's client stores, reads, copies, changes and deletes an object", async () => {
  const {client} = await withBucket()
  const bucket = client.bucket('bucket')
  const file = bucket.file('dir/ünï %2F.csv')
  await file.save('a,b\n1,2\n', {
    resumable: false,
    contentType: 'text/csv',
    metadata: {cacheControl: 'no-store', metadata: {'label-column': 'b'}},
  })
  const [metadata] = await file.getMetadata()
  expect(metadata).toMatchObject({
    kind: 'storage#object',
    name: 'dir/ünï %2F.csv',
    bucket: 'bucket',
    size: '8',
    md5Hash: '5evUwCzvvnlVl3xnraJCtw==',
    contentType: 'text/csv',
    cacheControl: 'no-store',
    metadata: {'label-column': 'b'},
    metageneration: '1',
  })
  expect((await file.download())[0].toString()).toBe('a,b\n1,2\n')
  expect((await file.download({start: 4, end: 6}))[0].toString()).toBe('1,2')

  const [changed] = await file.setMetadata({metadata: {'label-column': null, more: 'x'}})
  expect(changed).toMatchObject({metageneration: '2', metadata: {more: 'x'}, cacheControl: 'no-store'})
  expect(changed.metadata).not.toHaveProperty('label-column')

  const [copy] = await file.copy(bucket.file('copy'))
  await file.delete()
  expect(await file.exists()).toEqual([false])
  expect((await copy.download())[0].toString()).toBe('a,b\n1,2\n')
  expect((await copy.getMetadata())[0]).toMatchObject({metadata: {more: 'x'}, metageneration: '1'})
  await expect(file.download()).rejects.toMatchObject({
    code: 404,
    message: 'No such object: bucket/dir/ünï %2F.csv',
  })
})

test('a download has the headers that Cloud Storage sends', async () => {
  const {origin} = await withBucket()
  await uploadMedia(origin, 'bucket', 'dir/file.csv', '0123456789')
  const whole = await fetch(`${origin}/storage/v1${OBJECT}?alt=media`)
  const generation = await generationOf(await call(origin, 'GET', OBJECT))
  expect(Object.fromEntries(whole.headers)).toMatchObject({
    'content-type': 'text/csv',
    'content-length': '10',
    'accept-ranges': 'bytes',
    'x-goog-generation': generation,
    'x-goog-metageneration': '1',
    'x-goog-hash': 'crc32c=KAwGng==,md5=eB5eJF1ptWaXm4bijSPyxw==',
    'x-goog-stored-content-encoding': 'identity',
    'x-goog-stored-content-length': '10',
  })
  expect(await whole.text()).toBe('0123456789')
  for (const path of [
    `/download/storage/v1${OBJECT}?alt=media`,
    '/bucket/dir/file.csv',
    '/b/bucket/o/dir%2Ffile.csv?alt=media',
  ]) {
    expect(await (await fetch(`${origin}${path}`)).text()).toBe('0123456789')
  }
  const head = await fetch(`${origin}/bucket/dir/file.csv`, {method: 'HEAD'})
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '10'])
  expect((await fetch(`${origin}/bucket/none`)).status).toBe(404)
})

test.each([
  ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
  ['bytes=7-', 206, '789', 'bytes 7-9/10'],
  ['bytes=-2', 206, '89', 'bytes 8-9/10'],
  ['bytes=8-99', 206, '89', 'bytes 8-9/10'],
  ['bytes=10-', 416, 'Request range not satisfiable', 'bytes */10'],
  ['bytes=5-2', 200, '0123456789', null],
  ['lines=1-2', 200, '0123456789', null],
])('the range %s gets %i', async (range, status, body, contentRange) => {
  const {origin} = await withBucket()
  await uploadMedia(origin, 'bucket', 'dir/file.csv', '0123456789')
  const response = await fetch(`${origin}/storage/v1${OBJECT}?alt=media`, {headers: {range}})
  expect([response.status, await response.text(), response.headers.get('content-range')]).toEqual([
    status,
    body,
    contentRange,
  ])
})

test('what is stored gzipped is unpacked for who does not take gzip', async () => {
  const {origin, client} = await withBucket()
  const text = 'row\n'.repeat(10_000)
  await client.bucket('bucket').file('packed').save(text, {gzip: true, resumable: false})
  const read = async (acceptEncoding: string): Promise<[string | undefined, Buffer]> => {
    const get = request(`${origin}/bucket/packed`, {headers: {'accept-encoding': acceptEncoding}}).end()
    const [response] = await once(get, 'response')
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk)
    return [response.headers['content-encoding'], Buffer.concat(chunks)]
  }
  const [encoding, packed] = await read('gzip')
  expect(encoding).toBe('gzip')
  expect(packed.length).toBeLessThan(1000)
  expect((await read('identity'))[1].toString()).toBe(text)
  expect((await read('gzip;q=0'))[0]).toBeUndefined()
  expect((await client.bucket('bucket').file('packed').download())[0].toString()).toBe(text)
  await uploadMedia(origin, 'bucket', 'kept', gzipSync(text), {query: {contentEncoding: 'gzip'}})
  await call(origin, 'PATCH', '/b/bucket/o/kept', {cacheControl: 'public, no-transform'})
  const kept = request(`${origin}/bucket/kept`).end()
  const [response] = await once(kept, 'response')
  response.resume()
  expect(response.headers['content-encoding']).toBe('gzip')
})

test('preconditions hold for every method', async () => {
  const {origin} = await withBucket()
  const g = await generationOf(await uploadMedia(origin, 'bucket', 'dir/file.csv', 'one'))
  const status = async (method: string, query: string, body?: object): Promise<number> =>
    (await call(origin, method, `${OBJECT}?${query}`, body)).status
  const upload = async (query: Record<string, string>): Promise<Response> =>
    uploadMedia(origin, 'bucket', 'dir/file.csv', 'two', {query})

  expect(await status('GET', `ifGenerationMatch=${g}`)).toBe(200)
  expect(await status('GET', 'ifGenerationMatch=1')).toBe(412)
  expect(await status('GET', `ifGenerationNotMatch=${g}`)).toBe(304)
  expect(await status('GET', `alt=media&ifMetagenerationNotMatch=1`)).toBe(304)
  const read = async (headers: Record<string, string>): Promise<number> =>
    (await fetch(`${origin}/storage/v1${OBJECT}?alt=media`, {headers})).status
  const {etag} = await fieldsOf(await call(origin, 'GET', OBJECT))
  expect(await read({'if-match': String(etag)})).toBe(200)
  expect(await read({'if-match': '"another"'})).toBe(412)
  expect(await read({'if-none-match': `"${String(etag)}"`})).toBe(304)
  expect(await status('PATCH', 'ifMetagenerationMatch=2', {cacheControl: 'x'})).toBe(412)
  expect(await status('PATCH', 'ifMetagenerationMatch=1', {cacheControl: 'x'})).toBe(200)
  expect(await status('DELETE', 'ifGenerationMatch=1')).toBe(412)
  expect(await status('DELETE', `ifGenerationNotMatch=${g}`)).toBe(412)
  expect(await status('GET', 'ifGenerationMatch=x')).toBe(400)
  const refused = await upload({ifGenerationMatch: '0'})
  expect(refused.status).toBe(412)
  expect(await fieldsOf(refused)).toMatchObject({
    error: {
      message: 'At least one of the pre-conditions you specified did not hold.',
      errors: [{reason: 'conditionNotMet', locationType: 'header', location: 'If-Match'}],
    },
  })
  expect((await upload({ifGenerationMatch: g, ifMetagenerationMatch: '1'})).status).toBe(412)
  expect((await upload({ifGenerationMatch: g, ifMetagenerationMatch: '2'})).status).toBe(200)
  expect(await status('DELETE', `ifGenerationMatch=${g}`)).toBe(412)
  expect(await status('GET', `generation=${g}`)).toBe(404)
  const deleted = await call(origin, 'DELETE', OBJECT)
  expect([deleted.status, await deleted.text()]).toEqual([204, ''])
  expect(await status('DELETE', '')).toBe(404)
})

test('of many writers with ifGenerationMatch=0 one wins', async () => {
  const {origin, client, state} = await withBucket()
  const outcomes = await Promise.all(
    Array.from({length: 8}, (_, index) =>
      uploadMedia(origin, 'bucket', 'raced', `writer ${index}`, {query: {ifGenerationMatch: '0'}}),
    ),
  )
  const winners = outcomes.flatMap(({status}, index) => (status === 200 ? [index] : []))
  expect(winners).toHaveLength(1)
  expect(outcomes.filter(({status}) => status === 412)).toHaveLength(7)
  expect((await client.bucket('bucket').file('raced').download())[0].toString()).toBe(`writer ${winners[0]}`)
  expect(state.database.prepare('SELECT count(*) AS n FROM storage_objects').get()).toEqual({n: 1})
})

test('generations rise even if the clock is set back', async () => {
  const clock = new ManualClock()
  const {origin} = await withBucket({clock})
  const generation = async (): Promise<number> =>
    Number(await generationOf(await uploadMedia(origin, 'bucket', 'x', 'x')))
  const first = await generation()
  await clock.advance(5)
  const second = await generation()
  await clock.advance(-60_000)
  const third = await generation()
  expect(second - first).toBeGreaterThanOrEqual(4000)
  expect(third).toBe(second + 1)
})

test.each([
  ['', 'Required parameter: name'],
  ['line\nbreak', 'The object name contains a carriage return or line feed.'],
  ['ü'.repeat(513), 'The object name is longer than 1024 bytes in UTF-8.'],
  ['..', "Invalid object name: '..'"],
])('the name %j is refused', async (name, message) => {
  const {origin} = await withBucket()
  const response = await uploadMedia(origin, 'bucket', name, 'x')
  expect(await refusalOf(response)).toEqual([400, message])
})

test('what is replaced or deleted goes from the disk, but not under a reader', async () => {
  const local = await withBucket()
  const {origin, client} = local
  const bytes = Buffer.alloc(4 * 1024 * 1024, 'a')
  await uploadMedia(origin, 'bucket', 'big', bytes)
  const reading = await fetch(`${origin}/bucket/big`)
  await uploadMedia(origin, 'bucket', 'big', 'new')
  expect(blobsOf(local)).toHaveLength(1)
  expect(Buffer.compare(Buffer.from(await reading.arrayBuffer()), bytes)).toBe(0)
  await client.bucket('bucket').file('big').delete()
  expect(blobsOf(local)).toHaveLength(0)
})

test('each of several readers of large objects gets its own bytes, also beside one who leaves', async () => {
  const {origin} = await withBucket()
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const bytesOf = (name: string): Buffer<ArrayBuffer> => Buffer.alloc(3 * 1024 * 1024 + 1, name)
  for (const name of names) await uploadMedia(origin, 'bucket', name, bytesOf(name))
  const readers = await Promise.all(names.map((name) => fetch(`${origin}/bucket/${name}`)))
  await readers.pop()?.body?.cancel()
  const read = await Promise.all(readers.map(async (each) => Buffer.from(await each.arrayBuffer())))
  for (const [index, bytes] of read.entries()) expect(bytes.equals(bytesOf(names[index] ?? ''))).toBe(true)
  const range = {headers: {range: 'bytes=1048575-2097152'}}
  const part = await (await fetch(`${origin}/bucket/f`, range)).arrayBuffer()
  expect(Buffer.from(part).equals(bytesOf('f').subarray(1048575, 2097153))).toBe(true)
})

test('a bucket with versioning keeps what is replaced and deleted', async () => {
  const {client, topic, origin} = await startStorage()
  const [bucket] = await client.createBucket('bucket', {versioning: {enabled: true}})
  const first = await generationOf(await uploadMedia(origin, 'bucket', 'v', 'one'))
  const second = await generationOf(await uploadMedia(origin, 'bucket', 'v', 'two'))
  expect((await bucket.file('v', {generation: first}).download())[0].toString()).toBe('one')
  await bucket.file('v').delete()
  expect((await bucket.getFiles())[0]).toEqual([])
  const [versions] = await bucket.getFiles({versions: true})
  expect(versions.map(({metadata}) => metadata.generation)).toEqual([first, second])
  expect(versions.every(({metadata}) => metadata.timeDeleted !== undefined)).toBe(true)
  await expect(bucket.delete()).rejects.toMatchObject({code: 409})
  for (const generation of [first, second]) {
    expect((await call(origin, 'DELETE', `/b/bucket/o/v?generation=${generation}`)).status).toBe(204)
  }
  await bucket.delete()
  expect(topic.messages).toEqual([])
})

test('objects are put together from others', async () => {
  const local = await withBucket()
  const {client, origin} = local
  const bucket = client.bucket('bucket')
  for (const name of ['1', '2', '3']) await uploadMedia(origin, 'bucket', name, `part ${name};`)
  const [all] = await bucket.combine(['1', '2'], 'two')
  expect((await all.download())[0].toString()).toBe('part 1;part 2;')
  const [three] = await bucket.combine(['two', '3'], 'three')
  const [metadata] = await three.getMetadata()
  expect(metadata).toMatchObject({componentCount: 3, size: '21'})
  expect(metadata).not.toHaveProperty('md5Hash')
  expect((await three.download())[0].toString()).toBe('part 1;part 2;part 3;')
  await expect(bucket.combine(['1', 'none'], 'x')).rejects.toMatchObject({code: 404})
  const stale = {sourceObjects: [{name: '1', objectPreconditions: {ifGenerationMatch: '7'}}]}
  expect((await call(origin, 'POST', '/b/bucket/o/x/compose', stale)).status).toBe(412)
  expect(blobsOf(local)).toHaveLength(5)
  // As Google's client for Python writes it.
  const nulls = {sourceObjects: [{name: '1', generation: null}], destination: {}}
  expect((await call(origin, 'POST', '/b/bucket/o/x/compose', nulls)).status).toBe(200)
})

test('a composition may take the place of its sources, which nothing keeps, unless one is held', async () => {
  const local = await withBucket()
  const {origin, client, topic} = local
  const softDeletePolicy = {retentionDurationSeconds: '604800'}
  await call(origin, 'PATCH', '/b/bucket', {versioning: {enabled: true}, softDeletePolicy})
  for (const name of ['1', '2', 'all']) await uploadMedia(origin, 'bucket', name, 'x'.repeat(40_000))
  await call(origin, 'PATCH', '/b/bucket/o/2', {temporaryHold: true})
  const compose = async (): Promise<number> => {
    const sourceObjects = ['all', '1', '2', '1'].map((name) => ({name}))
    const body = {sourceObjects, deleteSourceObjects: true}
    return (await call(origin, 'POST', '/b/bucket/o/all/compose', body)).status
  }
  const names = async (options: object): Promise<string[]> =>
    (await client.bucket('bucket').getFiles(options))[0].map(({name}) => name)
  expect([await compose(), await names({}), blobsOf(local).length]).toEqual([403, ['1', '2', 'all'], 3])
  await call(origin, 'PATCH', '/b/bucket/o/2', {temporaryHold: false})
  expect([await compose(), await names({}), await names({versions: true})]).toEqual([
    200,
    ['all'],
    ['all', 'all'],
  ])
  expect(await names({softDeleted: true})).toEqual([])
  expect((await client.bucket('bucket').file('all').download())[0]).toHaveLength(160_000)
  expect(blobsOf(local)).toHaveLength(2)
  expect(topic.messages).toEqual([])
})

test('what is put together for a caller that leaves is given up', async () => {
  const {origin, state} = await withBucket()
  await uploadMedia(origin, 'bucket', 'part', Buffer.alloc(64 * 1024 * 1024, 'x'))
  const incoming = (): Promise<string[]> => readdir(join(state.folder, 'blobs', 'incoming'))
  const caller = new AbortController()
  const composing = fetch(`${origin}/storage/v1/b/bucket/o/whole/compose`, {
    method: 'POST',
    body: JSON.stringify({sourceObjects: Array.from({length: 32}, () => ({name: 'part'}))}),
    signal: caller.signal,
  })
  await expect.poll(incoming).toHaveLength(1)
  caller.abort()
  await expect(composing).rejects.toThrow('abort')
  await expect.poll(incoming, {timeout: 10_000}).toEqual([])
  expect((await call(origin, 'GET', '/b/bucket/o/whole')).status).toBe(404)
})

test.each(['few bytes', 'x'.repeat(100_000)])(
  'bytes are kept as long as an object has them, and no longer (%#)',
  async (text) => {
    const {client, state} = await withBucket()
    const bucket = client.bucket('bucket')
    const keptBytes = async (): Promise<number> => {
      const rows = state.database.prepare('SELECT id FROM small_blobs').all()
      const files = await readdir(join(state.folder, 'blobs'), {recursive: true, withFileTypes: true})
      return rows.length + files.filter((entry) => entry.isFile()).length
    }
    await bucket.file('one').save('replaced', {resumable: false})
    await bucket.file('one').save(text, {resumable: false})
    await bucket.file('one').copy(bucket.file('other'))
    await bucket.file('one').copy(bucket.file('one'))
    await bucket.file('one').delete()
    expect(await keptBytes()).toBe(1)
    expect((await bucket.file('other').download())[0].toString()).toBe(text)
    await bucket.file('other').delete()
    expect(await keptBytes()).toBe(0)
  },
)

test('everything survives a restart', async () => {
  const folder = await temporaryFolder()
  const before = await withBucket({folder})
  await before.client.bucket('bucket').file('kept').save('still here', {resumable: false})
  const [metadata] = await before.client.bucket('bucket').file('kept').getMetadata()
  await before.stop()
  const after = await startStorage({folder})
  await after.state.blobs.sweep(after.storage.refersTo)
  const file = after.client.bucket('bucket').file('kept')
  expect((await file.download())[0].toString()).toBe('still here')
  const {selfLink: _self, mediaLink: _media, ...kept} = (await file.getMetadata())[0]
  expect(metadata).toMatchObject(kept)
})

test.each([
  '/storage/v1/b/bucket/nothing',
  '/v1/projects/p/anything',
  '/compute/v1/projects/1',
  '/v1beta1/x/y',
])('GET %s is not taken for an object', async (path) => {
  const {origin} = await withBucket()
  expect((await fetch(`${origin}${path}`)).status).toBe(400)
})
