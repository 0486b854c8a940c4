import {expect, test} from 'vitest'
import {isJsonObject} from '../../../src/local-cloud/wire/json.ts'
import {call, fieldsOf, type LocalStorage, startStorage, uploadMedia} from './local-storage.ts'

async function withObjects(names: readonly string[]): Promise<LocalStorage> {
  const local = await startStorage()
  await local.client.createBucket('bucket')
  await Promise.all(names.map((name) => uploadMedia(local.origin, 'bucket', name, 'x')))
  return local
}

interface Listed {
  readonly prefixes: unknown
  readonly items: unknown
  readonly names: unknown[]
  readonly nextPageToken: string | undefined
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

async function list(origin: string, query: Record<string, string>): Promise<Listed> {
  const response = await call(origin, 'GET', `/b/bucket/o?${new URLSearchParams(query).toString()}`)
  expect(response.status).toBe(200)
  const {prefixes, items, nextPageToken} = await fieldsOf(response)
  return {
    prefixes,
    items,
    names: listOf(items).map((item) => (isJsonObject(item) ? item['name'] : undefined)),
    nextPageToken: typeof nextPageToken === 'string' ? nextPageToken : undefined,
  }
}

/** Names and prefixes of all pages, a list a page. */
async function pages(origin: string, query: Record<string, string>): Promise<unknown[][]> {
  const found: unknown[][] = []
  for (let token: string | undefined = ''; token !== undefined;) {
    const page: Listed = await list(origin, {...query, ...(token === '' ? {} : {pageToken: token})})
    found.push([...page.names, ...listOf(page.prefixes)])
    token = page.nextPageToken
  }
  return found
}

test('names come in the order of their UTF-8 bytes', async () => {
  // UTF-16 would put U+1F600 before U+FF5E.
  const names = ['Z', 'a', 'a/', 'a0', 'é', '～', '😀']
  const {origin} = await withObjects(names.toReversed())
  expect((await list(origin, {})).names).toEqual(names)
  expect(await pages(origin, {maxResults: '2'})).toEqual([['Z', 'a'], ['a/', 'a0'], ['é', '～'], ['😀']])
})

test('a delimiter folds names into prefixes, on every page once', async () => {
  const {origin, client} = await withObjects([
    'a.csv',
    'dir/',
    'dir/1',
    'dir/2',
    'dir/sub/3',
    'e.csv',
    'more/4',
    'z.csv',
  ])
  expect(await list(origin, {delimiter: '/'})).toMatchObject({
    prefixes: ['dir/', 'more/'],
    items: [{name: 'a.csv'}, {name: 'e.csv'}, {name: 'z.csv'}],
  })
  expect(await pages(origin, {delimiter: '/', maxResults: '1'})).toEqual([
    ['a.csv'],
    ['dir/'],
    ['e.csv'],
    ['more/'],
    ['z.csv'],
  ])
  expect(await pages(origin, {delimiter: '/', maxResults: '2'})).toEqual([
    ['a.csv', 'dir/'],
    ['e.csv', 'more/'],
    ['z.csv'],
  ])
  expect(await pages(origin, {delimiter: '/', prefix: 'dir/'})).toEqual([
    ['dir/', 'dir/1', 'dir/2', 'dir/sub/'],
  ])
  expect(await list(origin, {delimiter: '/', includeTrailingDelimiter: 'true'})).toMatchObject({
    prefixes: ['dir/', 'more/'],
    items: [{name: 'a.csv'}, {name: 'dir/'}, {name: 'e.csv'}, {name: 'z.csv'}],
  })
  const [files] = await client
    .bucket('bucket')
    .getFiles({prefix: 'dir/', autoPaginate: true, maxResults: 100})
  expect(files.map(({name}) => name)).toEqual(['dir/', 'dir/1', 'dir/2', 'dir/sub/3'])
})

test('offsets bound the names, from inclusive, to exclusive', async () => {
  const {origin} = await withObjects(['a', 'b', 'b/1', 'c', 'd'])
  expect(await pages(origin, {startOffset: 'b', endOffset: 'd'})).toEqual([['b', 'b/1', 'c']])
  expect(await pages(origin, {startOffset: 'b0', maxResults: '1'})).toEqual([['c'], ['d']])
  expect(await pages(origin, {prefix: 'b', endOffset: 'b/'})).toEqual([['b']])
})

test('a page continues after its first object was deleted', async () => {
  const {origin} = await withObjects(['a', 'b', 'c'])
  const first = await list(origin, {maxResults: '1'})
  await call(origin, 'DELETE', '/b/bucket/o/b')
  expect(await list(origin, {maxResults: '1', pageToken: first.nextPageToken ?? ''})).toMatchObject({
    items: [{name: 'c'}],
  })
})

test('a long list with long common prefixes is paged through', async () => {
  const local = await startStorage()
  await local.client.createBucket('bucket')
  const names = Array.from({length: 4000}, (_, index) => `p${index % 3}/${String(index).padStart(5, '0')}`)
  // By rows, since the list is what is tested.
  await local.state.write(() => {
    const insert = local.state.database.prepare(
      `INSERT INTO storage_objects (bucket, name, generation, metageneration, blob, size, md5, crc32c, component_count,
         time_created, updated, time_deleted, fields) VALUES ('bucket', ?, ?, 1, 'blob', 0, '', '', NULL, 0, 0, NULL, '{}')`,
    )
    for (const [index, name] of names.entries()) insert.run(name, index + 1)
  })
  expect(await pages(local.origin, {delimiter: '/'})).toEqual([['p0/', 'p1/', 'p2/']])
  const listed = await pages(local.origin, {})
  expect(listed.map(({length}) => length)).toEqual([1000, 1000, 1000, 1000])
  expect(listed.flat()).toEqual(names.toSorted())
  expect((await pages(local.origin, {versions: 'true', maxResults: '999'})).flat()).toEqual(names.toSorted())
})

test.each([{maxResults: '0'}, {maxResults: 'x'}, {pageToken: '!'}, {versions: 'maybe'}])(
  '%j is refused',
  async (query) => {
    const {origin} = await withObjects([])
    const response = await call(origin, 'GET', `/b/bucket/o?${new URLSearchParams(query).toString()}`)
    expect(response.status).toBe(400)
  },
)

test('empty parameters count as absent: the Go client sends all of them', async () => {
  const {origin} = await withObjects(['a', 'b/c'])
  const nothing = ['delimiter', 'endOffset', 'matchGlob', 'pageToken', 'prefix', 'startOffset']
  expect((await list(origin, Object.fromEntries(nothing.map((name) => [name, ''])))).names).toEqual([
    'a',
    'b/c',
  ])
})

test('the fields of a list are the same whether the database writes them or they are cut from whole objects', async () => {
  const {origin, client} = await withObjects(['plain', 'a "quoted" \\ name', 'é😀\u2028'])
  await client.bucket('bucket').setMetadata({versioning: {enabled: true}})
  const marked = client.bucket('bucket').file('marked')
  const metadata = {'source-generation': '1', größe: 'a "b" \n ✓'}
  await marked.save('x', {resumable: false, contentType: 'text/csv', metadata: {metadata}})
  await marked.save('y', {resumable: false})

  const members = 'name,bucket,generation,metageneration,size,crc32c,timeCreated,updated,contentType,metadata'
  const part = 'name,metadata/source-generation,metadata/absent'
  const queries: (Record<string, string> & {fields?: string})[] = [
    {},
    {versions: 'true'},
    {maxResults: '2'},
    {prefix: 'm', endOffset: 'mb'},
    {prefix: 'none'},
    {fields: part},
    {fields: 'name,metadata(absent,source-generation)'},
    {fields: part, maxResults: '3', versions: 'true'},
  ]
  for (const {fields = members, ...more} of queries) {
    // The database cannot write an ETag.
    const whole = await list(origin, {...more, fields: `items(${fields},etag),nextPageToken`})
    const cut = listOf(whole.items).map((item) => {
      const {etag, ...rest} = isJsonObject(item) ? item : {}
      expect(etag).toBeTypeOf('string')
      return rest
    })
    const written = await list(origin, {...more, fields: `items(${fields}),nextPageToken`})
    expect(listOf(written.items)).toEqual(cut)
    expect(written.nextPageToken).toBe(whole.nextPageToken)
  }
  const marks = async (fields: string) =>
    (await list(origin, {fields: `items(${fields})`, prefix: 'marked', versions: 'true'})).items
  expect(await marks('name,metadata')).toEqual([{name: 'marked', metadata}, {name: 'marked'}])
  expect(await marks(part)).toEqual([
    {name: 'marked', metadata: {'source-generation': '1'}},
    {name: 'marked'},
  ])
})

test('a glob finds the same names, whatever part of it the database can test', async () => {
  const names = ['a/b/error.json', 'a/error.json', 'a/job.json', 'a/report.json', 'b[1].json', 'c*.json']
  const {origin} = await withObjects(names)
  const found = async (matchGlob: string) => (await list(origin, {matchGlob, fields: 'items(name)'})).names
  expect(await found('a/**/{error,job}.json')).toEqual(names.slice(0, 3))
  expect(await found('**/error.json')).toEqual(['a/b/error.json', 'a/error.json'])
  expect(await found('a/x**/error.json')).toEqual([])
  expect(await found('a/**{error,job}.json')).toEqual(names.slice(0, 3))
  expect(await found('*/{error,job,report,x,y}.json')).toEqual([
    'a/error.json',
    'a/job.json',
    'a/report.json',
  ])
  expect(await found('{a,b}/{error,job,x}.json')).toEqual(['a/error.json', 'a/job.json'])
  expect(await found('[!a-b]*.json')).toEqual(['c*.json'])
  expect(await found(String.raw`c\*.json`)).toEqual(['c*.json'])
})
