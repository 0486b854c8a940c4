import {expect, test} from 'vitest'
import {call, fieldsOf, type LocalStorage, refusalOf, startStorage, uploadMedia} from './local-storage.ts'

async function withObjects(...names: string[]): Promise<LocalStorage> {
  const local = await startStorage()
  await local.client.createBucket('bucket')
  for (const name of names) await uploadMedia(local.origin, 'bucket', name, name)
  return local
}

test.each([
  ['*.csv', ['a.csv', 'b.csv', 'd-f.csv']],
  ['**.csv', ['a.csv', 'b.csv', 'd-f.csv', 'dir/c.csv', 'dir/sub/d.csv']],
  ['dir/*', ['dir/c.csv']],
  ['?.csv', ['a.csv', 'b.csv']],
  ['[a-b].csv', ['a.csv', 'b.csv']],
  ['{a,dir/c}.csv', ['a.csv', 'dir/c.csv']],
  ['x\\[1\\]', ['x[1]']],
  ['A.CSV', []],
  ['d-f.{csv,tsv}', ['d-f.csv']],
])('the glob %s matches %j', async (glob, expected) => {
  const {origin} = await withObjects('a.csv', 'b.csv', 'd-f.csv', 'dir/c.csv', 'dir/sub/d.csv', 'x[1]')
  const names: unknown[] = []
  let token: string | undefined = ''
  while (token !== undefined) {
    const query = new URLSearchParams({matchGlob: glob, maxResults: '1', pageToken: token})
    const page = await fieldsOf(await call(origin, 'GET', `/b/bucket/o?${query.toString()}`))
    if (Array.isArray(page['items'])) names.push(...page['items'].map(({name}: {name: unknown}) => name))
    token = typeof page['nextPageToken'] === 'string' ? page['nextPageToken'] : undefined
  }
  expect(names).toEqual(expected)
})

test("Google's client moves an object within its bucket, with its metadata", async () => {
  const {client, origin} = await withObjects('a', 'taken')
  await call(origin, 'PATCH', '/b/bucket/o/a', {metadata: {k: 'v'}})
  const bucket = client.bucket('bucket')
  await bucket.file('a').moveFileAtomic('dir/b')
  const [moved] = await bucket.file('dir/b').getMetadata()
  expect(moved).toMatchObject({metadata: {k: 'v'}, contentType: 'text/csv', size: '1'})
  expect((await bucket.file('dir/b').download())[0].toString()).toBe('a')
  expect(await bucket.file('a').exists()).toEqual([false])
  const move = (query: string): Promise<Response> =>
    call(origin, 'POST', `/b/bucket/o/dir%2Fb/moveTo/o/taken?${query}`)
  expect((await move('ifGenerationMatch=0')).status).toBe(412)
  expect((await move('ifSourceGenerationMatch=1')).status).toBe(412)
  await call(origin, 'PATCH', '/b/bucket/o/dir%2Fb', {temporaryHold: true})
  expect((await move('')).status).toBe(403)
  expect((await bucket.file('taken').download())[0].toString()).toBe('taken')
})

test.each([
  ['items(name,size),nextPageToken', {items: [{name: 'a', size: '1'}], nextPageToken: expect.anything()}],
  ['items/name', {items: [{name: 'a'}]}],
  ['kind,items/metadata/k', {kind: 'storage#objects', items: [{metadata: {k: 'v'}}]}],
  ['items(metadata(k),name)', {items: [{metadata: {k: 'v'}, name: 'a'}]}],
  ['prefixes', {}],
])('of a list the fields %s are %j', async (fields, expected) => {
  const {origin} = await withObjects('a', 'b')
  await call(origin, 'PATCH', '/b/bucket/o/a', {metadata: {k: 'v', l: 'w'}})
  const query = new URLSearchParams({fields, maxResults: '1'})
  expect(await fieldsOf(await call(origin, 'GET', `/b/bucket/o?${query.toString()}`))).toEqual(expected)
})

test('a list may select any number of keys of the metadata', async () => {
  const {origin} = await withObjects('a')
  await call(origin, 'PATCH', '/b/bucket/o/a', {metadata: {k999: 'v', other: 'w'}})
  const keys = Array.from({length: 1200}, (_, n) => `k${n}`)
  const query = new URLSearchParams({fields: `items(name,metadata(${keys.join(',')}))`})
  expect(await fieldsOf(await call(origin, 'GET', `/b/bucket/o?${query.toString()}`))).toEqual({
    items: [{name: 'a', metadata: {k999: 'v'}}],
  })
})

test('a field selection that cannot be read is refused', async () => {
  const {origin} = await withObjects()
  expect(await refusalOf(await call(origin, 'GET', '/b/bucket?fields=items(name'))).toEqual([
    400,
    'Invalid field selection items(name',
  ])
})

test('calls in a batch are answered one by one, in their order', async () => {
  const {origin} = await withObjects('a', 'b')
  const parts = [
    ['1', 'DELETE /storage/v1/b/bucket/o/a HTTP/1.1', ''],
    ['2', 'DELETE /storage/v1/b/bucket/o/missing HTTP/1.1', ''],
    ['3', 'PATCH /storage/v1/b/bucket/o/b?projection=full HTTP/1.1', '{"cacheControl": "no-store"}'],
    ['4', 'GET /storage/v1/b/bucket/o/b?fields=cacheControl HTTP/1.1', ''],
  ].map(
    ([id, line, body]) =>
      `--mark\r\nContent-Type: application/http\r\nContent-ID: <call+${id}>\r\n\r\n` +
      `${line}\r\nContent-Type: application/json\r\n\r\n${body}\r\n`,
  )
  const send = (path: string, calls: string): Promise<Response> =>
    fetch(`${origin}${path}`, {
      method: 'POST',
      headers: {'content-type': 'multipart/mixed; boundary="mark"'},
      body: `${calls}--mark--`,
    })
  const response = await send('/batch/storage/v1', parts.join(''))
  const text = await response.text()
  expect(response.headers.get('content-type')).toMatch(/^multipart\/mixed; boundary=/)
  expect(text.match(/HTTP\/1\.1 .*/g)).toEqual(
    ['204 No Content', '404 Not Found', '200 OK', '200 OK'].map((status) => `HTTP/1.1 ${status}`),
  )
  expect(text.match(/Content-ID: <.*>/g)).toEqual(
    [1, 2, 3, 4].map((id) => `Content-ID: <response-call+${id}>`),
  )
  expect(text).toContain('{"cacheControl":"no-store"}')
  // As Google's client for Java writes the path.
  expect(await (await send('//batch/storage/v1', parts.slice(3).join(''))).text()).toContain('"no-store"')
  expect((await send('/batch/storage/v1', '')).status).toBe(400)
})

test('a HEAD has the headers of a GET; values that a parameter does not have are refused', async () => {
  const {origin} = await withObjects('a')
  for (const path of ['/storage/v1/b/bucket/o/a?alt=media', '/download/storage/v1/b/bucket/o/a?alt=media']) {
    const head = await fetch(`${origin}${path}`, {method: 'HEAD'})
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '1', ''])
  }
  expect((await call(origin, 'GET', '/b/bucket/o/a?projection=all')).status).toBe(400)
  const rewrite = (most: number): Promise<Response> =>
    call(origin, 'POST', `/b/bucket/o/a/rewriteTo/b/bucket/o/c?maxBytesRewrittenPerCall=${most}`)
  expect((await rewrite(1_000_000)).status).toBe(400)
  expect((await rewrite(1024 * 1024)).status).toBe(200)
})

test('contexts are kept with their times, and filter a list', async () => {
  const {origin} = await withObjects('a', 'b')
  const custom = {team: {value: 'data'}}
  const patched = await fieldsOf(await call(origin, 'PATCH', '/b/bucket/o/a', {contexts: {custom}}))
  expect(patched).toMatchObject({
    contexts: {
      custom: {team: {value: 'data', createTime: expect.any(String), updateTime: expect.any(String)}},
    },
  })
  const listed = async (filter: string): Promise<unknown> => {
    const query = new URLSearchParams({filter, fields: 'items/name'})
    return fieldsOf(await call(origin, 'GET', `/b/bucket/o?${query.toString()}`))
  }
  expect(await listed('contexts."team"="data"')).toEqual({items: [{name: 'a'}]})
  expect(await listed('contexts."team"="other"')).toEqual({})
  expect(await listed('-contexts."team":*')).toEqual({items: [{name: 'b'}]})
  await call(origin, 'PATCH', '/b/bucket/o/a', {contexts: {custom: {team: null}}})
  expect(await fieldsOf(await call(origin, 'GET', '/b/bucket/o/a'))).not.toHaveProperty('contexts')
})
