import {createHash, randomBytes} from 'node:crypto'
import {gzipSync} from 'node:zlib'
import {expect, test} from 'vitest'
import {ManualClock} from '../../support/manual-clock.ts'
import {
  blobsOf,
  call,
  fieldsOf,
  type LocalStorage,
  PROJECT,
  startStorage,
  uploadMedia,
} from './local-storage.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const MIB = 1024 * 1024

type Send = (
  method: string,
  path: string,
  body?: string | Uint8Array<ArrayBuffer>,
  headers?: Record<string, string>,
) => Promise<Response>

async function withBucket(clock?: ManualClock): Promise<LocalStorage & {send: Send}> {
  const local = await startStorage(clock === undefined ? {} : {clock})
  const send: Send = (method, path, body, headers = {}) =>
    fetch(`${local.origin}${path}`, {method, headers, ...(body === undefined ? {} : {body})})
  const created = await send('PUT', '/my-bucket', undefined, {'x-goog-project-id': PROJECT})
  expect(created.status).toBe(200)
  return {...local, send}
}

const valuesOf = (xml: string, name: string): string[] =>
  [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, value = '']) => value)

test('an object is stored, read, copied and deleted by its path', async () => {
  const {send, origin} = await withBucket()
  const md5 = createHash('md5').update('a,b').digest()
  const put = await send('PUT', '/my-bucket/dir/%C3%BC%20x.csv', 'a,b', {
    'content-type': 'text/csv',
    'cache-control': 'no-store',
    'content-md5': md5.toString('base64'),
    'x-goog-meta-label': 'b',
    'x-goog-storage-class': 'NEARLINE',
    'x-goog-custom-time': '2026-01-01T00:00:00Z',
  })
  expect([put.status, put.headers.get('etag')]).toEqual([200, `"${md5.toString('hex')}"`])
  expect(await fieldsOf(await call(origin, 'GET', '/b/my-bucket/o/dir%2F%C3%BC%20x.csv'))).toMatchObject({
    contentType: 'text/csv',
    cacheControl: 'no-store',
    metadata: {label: 'b'},
    storageClass: 'NEARLINE',
    customTime: '2026-01-01T00:00:00Z',
    generation: put.headers.get('x-goog-generation'),
  })
  const copied = await send('PUT', '/my-bucket/copy', undefined, {
    'x-goog-copy-source': '/my-bucket/dir/%C3%BC%20x.csv',
  })
  expect(await copied.text()).toContain('<CopyObjectResult')
  const read = await send('GET', '/my-bucket/copy')
  expect(Object.fromEntries(read.headers)).toMatchObject({
    'x-goog-meta-label': 'b',
    'content-type': 'text/csv',
    'x-goog-storage-class': 'STANDARD',
    etag: `"${md5.toString('hex')}"`,
  })
  expect(await read.text()).toBe('a,b')
  expect((await send('DELETE', '/my-bucket/copy')).status).toBe(204)
  const missing = await send('GET', '/my-bucket/copy')
  expect([missing.status, await missing.text()]).toEqual([
    404,
    expect.stringContaining('<Code>NoSuchKey</Code>'),
  ])
})

test('what is sent gzipped is stored so, and conditions and hashes are checked', async () => {
  const {send} = await withBucket()
  const packed = Uint8Array.from(gzipSync('text'))
  const stored = await send('PUT', '/my-bucket/packed', packed, {'content-encoding': 'gzip'})
  expect(stored.headers.get('x-goog-stored-content-encoding')).toBe('gzip')
  expect(stored.headers.get('x-goog-stored-content-length')).toBe(String(packed.length))
  const first = await send('PUT', '/my-bucket/x', 'one', {'x-goog-if-generation-match': '0'})
  const generation = first.headers.get('x-goog-generation') ?? ''
  const statusOf = async (method: string, headers: Record<string, string>): Promise<number> =>
    (await send(method, '/my-bucket/x', method === 'PUT' ? 'two' : undefined, headers)).status
  expect(await statusOf('PUT', {'x-goog-if-generation-match': '0'})).toBe(412)
  expect(await statusOf('PUT', {'x-goog-hash': 'md5=AAAAAAAAAAAAAAAAAAAAAA=='})).toBe(400)
  // Google's reader for Go pins what it reads.
  for (const method of ['GET', 'HEAD']) {
    expect(await statusOf(method, {'x-goog-if-generation-match': '1'})).toBe(412)
    expect(await statusOf(method, {'x-goog-if-generation-match': generation})).toBe(200)
    expect(await statusOf(method, {'x-goog-if-metageneration-match': '2'})).toBe(412)
    expect(await statusOf(method, {'if-none-match': first.headers.get('etag') ?? ''})).toBe(304)
    expect(await statusOf(method, {'if-match': '"other"'})).toBe(412)
  }
  expect(await statusOf('DELETE', {'x-goog-if-generation-match': '1'})).toBe(412)
  expect(await statusOf('DELETE', {'x-goog-if-generation-match': generation})).toBe(204)
})

test('objects are listed by both forms, page by page', async () => {
  const {send, origin} = await withBucket()
  for (const name of ['a', 'b/1', 'b/2', 'c&d', 'e']) await uploadMedia(origin, 'my-bucket', name, 'x')
  const list = async (query: string): Promise<string> => (await send('GET', `/my-bucket?${query}`)).text()
  const second = await list('list-type=2&delimiter=/&max-keys=2')
  expect([valuesOf(second, 'Key'), valuesOf(second, 'Prefix'), valuesOf(second, 'KeyCount')]).toEqual([
    ['a'],
    ['', 'b/'],
    ['2'],
  ])
  const token = encodeURIComponent(valuesOf(second, 'NextContinuationToken')[0] ?? '')
  const rest = await list(`list-type=2&delimiter=/&continuation-token=${token}`)
  expect([valuesOf(rest, 'Key'), valuesOf(rest, 'IsTruncated')]).toEqual([['c&amp;d', 'e'], ['false']])
  const first = await list('delimiter=/&max-keys=2')
  expect(valuesOf(first, 'NextMarker')).toEqual(['b/'])
  expect(valuesOf(await list('delimiter=/&marker=b/'), 'Key')).toEqual(['c&amp;d', 'e'])
  expect(valuesOf(await list('prefix=b/&start-after=b/1&list-type=2'), 'Key')).toEqual(['b/2'])
})

test('an upload in parts is put together, and can be given up', async () => {
  const local = await withBucket()
  const {send} = local
  const start = async (name: string): Promise<string> =>
    valuesOf(await (await send('POST', `/my-bucket/${name}?uploads`)).text(), 'UploadId')[0] ?? ''
  const upload = await start('large')
  const bytes = Uint8Array.from(randomBytes(6 * MIB))
  const first = await send('PUT', `/my-bucket/large?uploadId=${upload}&partNumber=1`, bytes.slice(0, 5 * MIB))
  const last = await send('PUT', `/my-bucket/large?uploadId=${upload}&partNumber=7`, bytes.slice(5 * MIB))
  const parts = await (await send('GET', `/my-bucket/large?uploadId=${upload}`)).text()
  expect(valuesOf(parts, 'PartNumber')).toEqual(['1', '7'])
  const completion = (...etags: [number, string | null][]): string =>
    `<CompleteMultipartUpload>${etags
      .map(([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag ?? ''}</ETag></Part>`)
      .join('')}</CompleteMultipartUpload>`
  const refused = await send('POST', `/my-bucket/large?uploadId=${upload}`, completion([2, '"x"']))
  expect(await refused.text()).toContain('<Code>InvalidPart</Code>')
  const etags: [number, string | null][] = [
    [1, first.headers.get('etag')],
    [7, last.headers.get('etag')],
  ]
  const done = await send('POST', `/my-bucket/large?uploadId=${upload}`, completion(...etags))
  expect(await done.text()).toContain('<CompleteMultipartUploadResult')
  const read = new Uint8Array(await (await send('GET', '/my-bucket/large')).arrayBuffer())
  expect(Buffer.compare(read, bytes)).toBe(0)
  const again = await send('POST', `/my-bucket/large?uploadId=${upload}`, completion(...etags))
  expect([again.status, await again.text()]).toEqual([404, expect.stringContaining('NoSuchUpload')])

  const given = await start('given-up')
  const copied = {'x-amz-copy-source': '/my-bucket/large'}
  const copy = await send('PUT', `/my-bucket/given-up?uploadId=${given}&partNumber=2`, undefined, copied)
  expect([copy.status, valuesOf(await copy.text(), 'Code')]).toEqual([400, ['NotImplemented']])
  expect(await (await send('GET', `/my-bucket/given-up?uploadId=${given}`)).text()).not.toContain('<Part>')
  await send('PUT', `/my-bucket/given-up?uploadId=${given}&partNumber=1`, 'x')
  expect(valuesOf(await (await send('GET', '/my-bucket?uploads')).text(), 'Key')).toEqual(['given-up'])
  expect((await send('DELETE', `/my-bucket/given-up?uploadId=${given}`)).status).toBe(204)
  expect(blobsOf(local)).toHaveLength(1)
})

test('a lifecycle rule gives unfinished uploads up', async () => {
  const clock = new ManualClock()
  const {send, origin} = await withBucket(clock)
  const rule = [{action: {type: 'AbortIncompleteMultipartUpload'}, condition: {age: 1}}]
  await call(origin, 'PATCH', '/b/my-bucket', {lifecycle: {rule}})
  await send('POST', '/my-bucket/x?uploads')
  const uploads = async (): Promise<string[]> =>
    valuesOf(await (await send('GET', '/my-bucket?uploads')).text(), 'Key')
  await clock.advance(DAY_MS / 2)
  expect(await uploads()).toEqual(['x'])
  await clock.advance(DAY_MS)
  expect(await uploads()).toEqual([])
})

test('a resumable upload is started by a header', async () => {
  const {send, origin} = await withBucket()
  const started = await send('POST', '/my-bucket/dir/x', '', {
    'x-goog-resumable': 'start',
    'content-type': 'text/csv',
    'x-goog-meta-k': 'v',
  })
  expect(started.status).toBe(201)
  const location = (started.headers.get('location') ?? '').replace(origin, '')
  const sent = await send('PUT', location, 'a,b', {'content-range': 'bytes 0-2/3'})
  expect([sent.status, await sent.text()]).toEqual([200, ''])
  expect(await fieldsOf(await call(origin, 'GET', '/b/my-bucket/o/dir%2Fx'))).toMatchObject({
    contentType: 'text/csv',
    metadata: {k: 'v'},
  })
})

test('buckets are created, found and deleted, also by an escaped name', async () => {
  const {send, origin} = await withBucket()
  const body =
    '<CreateBucketConfiguration><LocationConstraint>eu</LocationConstraint></CreateBucketConfiguration>'
  expect((await send('PUT', '/other%5Fone', body, {'x-goog-project-id': PROJECT})).status).toBe(200)
  expect(await (await send('GET', '/other_one?location')).text()).toContain('EU</LocationConstraint>')
  expect((await send('HEAD', '/other_one')).status).toBe(200)
  expect((await send('HEAD', '/missing')).status).toBe(404)
  const again = await send('PUT', '/other_one', undefined, {'x-goog-project-id': PROJECT})
  expect([again.status, await again.text()]).toEqual([
    409,
    expect.stringContaining('BucketAlreadyOwnedByYou'),
  ])
  await uploadMedia(origin, 'other_one', 'x', 'x')
  expect(await (await send('DELETE', '/other_one')).text()).toContain('<Code>BucketNotEmpty</Code>')
  const deletion = '<Delete><Object><Key>x</Key></Object><Object><Key>missing</Key></Object></Delete>'
  const deleted = await (await send('POST', '/other_one?delete', deletion)).text()
  expect(valuesOf(deleted, 'Key')).toEqual(['x', 'missing'])
  expect((await send('DELETE', '/other_one')).status).toBe(204)
  expect((await send('GET', '/my-bucket?retention')).status).toBe(400)
})

test('a bucket may begin like a version of an API, not be called like one', async () => {
  const {send} = await withBucket()
  for (const bucket of ['v2b', 'v10data', 'v1_x']) {
    expect((await send('PUT', `/${bucket}`, undefined, {'x-goog-project-id': PROJECT})).status).toBe(200)
    expect((await send('PUT', `/${bucket}/x`, 'text')).status).toBe(200)
    expect(await (await send('GET', `/${bucket}/x`)).text()).toBe('text')
  }
  for (const version of ['v1', 'v1beta1', 'v1p1beta1', 'v2alpha'])
    expect(await (await send('PUT', `/${version}/x`, 'text')).text()).toContain('is not served')
})

test('the buckets of a project are listed, by default those of the account that asks', async () => {
  const {send, listen, access} = await withBucket()
  const project = {'x-goog-project-id': PROJECT}
  const all = await (await send('GET', '/', undefined, project)).text()
  expect([valuesOf(all, 'Name'), valuesOf(all, 'ID')]).toEqual([['my-bucket'], ['owner']])
  expect((await send('GET', '/')).status).toBe(400)
  const robot = `robot@${PROJECT}.iam.gserviceaccount.com`
  const account = await listen(`serviceAccount:${robot}`)
  expect((await fetch(`${account}/`)).status).toBe(403)
  const bindings = [{role: 'roles/storage.admin', members: [`serviceAccount:${robot}`]}]
  await access.setPolicy(`projects/${PROJECT}`, {bindings})
  const own = await (await fetch(`${account}/`)).text()
  expect([valuesOf(own, 'Name'), valuesOf(own, 'ID')]).toEqual([['my-bucket'], [robot]])
  expect((await fetch(`${account}/by-robot`, {method: 'PUT'})).status).toBe(200)
})

test('a body that is not a configuration, or a size that is not a number, is refused', async () => {
  const {send} = await withBucket()
  const project = {'x-goog-project-id': PROJECT}
  const created = await send('PUT', '/other', '<CreateBucketConfiguration>', project)
  expect([created.status, valuesOf(await created.text(), 'Code')]).toEqual([400, ['MalformedXML']])
  expect((await send('PUT', '/other', '<CreateBucketConfiguration/>', project)).status).toBe(200)
  expect((await send('GET', '/my-bucket?max-keys=many')).status).toBe(400)
})

test.each([
  [
    'versioning',
    '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
    {versioning: {enabled: true}},
  ],
  [
    'billing',
    '<BillingConfiguration><RequesterPays>Enabled</RequesterPays></BillingConfiguration>',
    {billing: {requesterPays: true}},
  ],
  [
    'logging',
    '<Logging><LogBucket>logs</LogBucket><LogObjectPrefix>my-</LogObjectPrefix></Logging>',
    {logging: {logBucket: 'logs', logObjectPrefix: 'my-'}},
  ],
  [
    'website',
    '<WebsiteConfiguration><MainPageSuffix>index.html</MainPageSuffix></WebsiteConfiguration>',
    {website: {mainPageSuffix: 'index.html'}},
  ],
  [
    'encryptionConfig',
    '<EncryptionConfiguration><DefaultKmsKeyName>projects/p/locations/us/keyRings/r/cryptoKeys/k</DefaultKmsKeyName></EncryptionConfiguration>',
    {encryption: {defaultKmsKeyName: 'projects/p/locations/us/keyRings/r/cryptoKeys/k'}},
  ],
  ['storageClass', '<StorageClass>NEARLINE</StorageClass>', {storageClass: 'NEARLINE'}],
  [
    'lifecycle',
    '<LifecycleConfiguration>' +
      '<Rule><Action><Delete></Delete></Action><Condition><Age>30</Age><IsLive>true</IsLive></Condition></Rule>' +
      '<Rule><Action><SetStorageClass>COLDLINE</SetStorageClass></Action><Condition>' +
      '<MatchesPrefix>a</MatchesPrefix><MatchesPrefix>b</MatchesPrefix></Condition></Rule>' +
      '</LifecycleConfiguration>',
    {
      lifecycle: {
        rule: [
          {action: {type: 'Delete'}, condition: {age: 30, isLive: true}},
          {
            action: {type: 'SetStorageClass', storageClass: 'COLDLINE'},
            condition: {matchesPrefix: ['a', 'b']},
          },
        ],
      },
    },
  ],
  [
    'tagging',
    '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>',
    {labels: {a: 'b'}},
  ],
  [
    'cors',
    '<CorsConfig><Cors><Origins><Origin>http://a.example</Origin></Origins><Methods><Method>PUT</Method></Methods>' +
      '<ResponseHeaders><ResponseHeader>etag</ResponseHeader></ResponseHeaders><MaxAgeSec>60</MaxAgeSec></Cors></CorsConfig>',
    {cors: [{origin: ['http://a.example'], method: ['PUT'], responseHeader: ['etag'], maxAgeSeconds: 60}]},
  ],
])('?%s of a bucket is replaced and read', async (part, xml, json) => {
  const {send, origin} = await withBucket()
  expect((await send('PUT', `/my-bucket?${part}`, xml)).status).toBe(200)
  expect(await (await fetch(`${origin}/storage/v1/b/my-bucket`)).json()).toMatchObject(json)
  const read = await (await send('GET', `/my-bucket?${part}`)).text()
  expect(read.replace(/^<\?xml[^>]*\?>/, '').replace(/ xmlns='[^']*'/, '')).toBe(xml)
  const removed = await send('DELETE', `/my-bucket?${part}`)
  const isRemovable = part === 'tagging' || part === 'cors'
  expect(removed.status).toBe(isRemovable ? 204 : 400)
  expect(
    Object.hasOwn(
      Object(await (await fetch(`${origin}/storage/v1/b/my-bucket`)).json()),
      Object.keys(json)[0] ?? '',
    ),
  ).toBe(!isRemovable)
})

test('an empty configuration takes the lifecycle of a bucket away, or where it logs', async () => {
  const {send, origin} = await withBucket()
  const lifecycle = {rule: [{action: {type: 'Delete'}, condition: {age: 1}}]}
  const {metageneration} = await fieldsOf(await call(origin, 'PATCH', '/b/my-bucket', {lifecycle}))
  expect((await send('PUT', '/my-bucket?lifecycle', 'no configuration')).status).toBe(400)
  expect((await send('PUT', '/my-bucket?lifecycle', '<LifecycleConfiguration/>')).status).toBe(200)
  const bucket = await fieldsOf(await call(origin, 'GET', '/b/my-bucket'))
  expect(bucket['metageneration']).toBe(String(Number(metageneration) + 1))
  expect(bucket).not.toHaveProperty('lifecycle')
  await call(origin, 'PATCH', '/b/my-bucket', {logging: {logBucket: 'logs'}})
  expect((await send('PUT', '/my-bucket?logging', '<Logging/>')).status).toBe(200)
  expect(await fieldsOf(await call(origin, 'GET', '/b/my-bucket'))).not.toHaveProperty('logging')
})

test('a part of a bucket that lacks its element, or whose precondition does not hold, is refused', async () => {
  const {send, origin} = await withBucket()
  expect((await send('PUT', '/my-bucket?storageClass', '<Other>NEARLINE</Other>')).status).toBe(400)
  const put = async (match: string): Promise<number> => {
    const headers = {'x-goog-if-metageneration-match': match}
    const body = '<StorageClass>NEARLINE</StorageClass>'
    return (await fetch(`${origin}/my-bucket?storageClass`, {method: 'PUT', headers, body})).status
  }
  expect([await put('7'), await put('1')]).toEqual([412, 200])
})

test('access control lists are read and replaced, by entries or by name', async () => {
  const {send, origin} = await withBucket()
  const json = async (path: string): Promise<unknown> =>
    Object((await fieldsOf(await call(origin, 'GET', path)))['items'])
  await uploadMedia(origin, 'my-bucket', 'a b', 'x')
  const initial = await (await send('GET', '/my-bucket?acl')).text()
  expect(valuesOf(initial, 'Permission')).toEqual(['FULL_CONTROL', 'FULL_CONTROL', 'READ'])
  expect((await send('PUT', '/my-bucket?acl', initial)).status).toBe(200)
  expect(await (await send('GET', '/my-bucket?acl')).text()).toBe(initial)

  const entry = (scope: string, permission: string): string =>
    `<Entry><Scope ${scope}</Scope><Permission>${permission}</Permission></Entry>`
  const entries =
    entry("type='UserByEmail'><EmailAddress>a&amp;b@example.com</EmailAddress>", 'FULL_CONTROL') +
    entry("type='GroupByDomain'><Domain>example.com</Domain>", 'READ') +
    entry("type='AllUsers'>", 'READ')
  const list = `<AccessControlList><Entries>${entries}</Entries></AccessControlList>`
  for (const [path, resource, ...owner] of [
    // Its uploader keeps the entry that the list lacks.
    ['/my-bucket/a%20b?acl', '/b/my-bucket/o/a%20b/acl', {role: 'OWNER'}],
    ['/my-bucket?defaultObjectAcl', '/b/my-bucket/defaultObjectAcl'],
  ] as const) {
    expect((await send('PUT', path, list)).status).toBe(200)
    expect(await json(resource)).toMatchObject([
      ...owner,
      {entity: 'user-a&b@example.com', role: 'OWNER'},
      {entity: 'domain-example.com', role: 'READER'},
      {entity: 'allUsers', role: 'READER'},
    ])
    expect(await (await send('GET', path)).text()).toContain(`${entries}</Entries>`)
  }
  const named = {'x-goog-acl': 'public-read'}
  expect((await send('PUT', '/my-bucket?acl', undefined, named)).status).toBe(200)
  expect(await json('/b/my-bucket/acl')).toMatchObject([
    {role: 'OWNER'},
    {entity: 'allUsers', role: 'READER'},
  ])

  expect((await send('PUT', '/my-bucket?acl', 'no list')).status).toBe(400)
  expect((await send('PUT', '/my-bucket/a%20b?acl', list.replace('READ', 'WRITE'))).status).toBe(400)
  expect((await send('PUT', '/my-bucket/none?acl', list)).status).toBe(404)
  const stale = {'x-goog-if-metageneration-match': '7'}
  expect((await send('PUT', '/my-bucket/a%20b?acl', list, stale)).status).toBe(412)
  const iamConfiguration = {uniformBucketLevelAccess: {enabled: true}}
  expect((await call(origin, 'PATCH', '/b/my-bucket', {iamConfiguration})).status).toBe(200)
  for (const path of ['/my-bucket?acl', '/my-bucket/a%20b?acl']) {
    const refused = await send('GET', path)
    expect([refused.status, await refused.text()]).toEqual([
      400,
      expect.stringContaining('uniform bucket-level access is enabled'),
    ])
  }
})
