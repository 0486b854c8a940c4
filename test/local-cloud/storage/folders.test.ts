import {expect, test} from 'vitest'
import {call, fieldsOf, PROJECT, refusalOf, startStorage, uploadMedia} from './local-storage.ts'

const FOLDERS = '/b/bucket/folders'
const at = (name: string): string => `${FOLDERS}/${encodeURIComponent(name)}`
const hierarchical = {
  name: 'bucket',
  hierarchicalNamespace: {enabled: true},
  iamConfiguration: {uniformBucketLevelAccess: {enabled: true}},
}

async function withFolders(): Promise<{
  origin: string
  names: (path: string, member?: string) => Promise<unknown>
}> {
  const {origin} = await startStorage()
  expect((await call(origin, 'POST', `/b?project=${PROJECT}`, hierarchical)).status).toBe(200)
  return {
    origin,
    async names(path, member = 'items') {
      const listed = (await fieldsOf(await call(origin, 'GET', path)))[member] ?? []
      return Array.isArray(listed) ? listed.map((each: unknown) => Object(each)['name'] ?? each) : listed
    },
  }
}

test('folders are created, with their parents if asked, and by the objects in them; read, listed, deleted', async () => {
  const {origin, names} = await withFolders()
  const created = await fieldsOf(await call(origin, 'POST', FOLDERS, {name: 'a/'}))
  expect(created).toMatchObject({
    kind: 'storage#folder',
    id: 'bucket/a/',
    name: 'a/',
    bucket: 'bucket',
    metageneration: '1',
    createTime: expect.any(String),
    updateTime: expect.any(String),
  })
  expect(await fieldsOf(await call(origin, 'GET', at('a/')))).toEqual(created)
  expect((await call(origin, 'POST', FOLDERS, {name: 'a/'})).status).toBe(409)
  expect((await call(origin, 'POST', FOLDERS, {name: 'b'})).status).toBe(400)
  expect((await call(origin, 'POST', FOLDERS, {name: 'b/c/d/'})).status).toBe(404)
  expect((await call(origin, 'POST', `${FOLDERS}?recursive=true`, {name: 'b/c/d/'})).status).toBe(200)
  await uploadMedia(origin, 'bucket', 'a/e/x', 'x')

  expect(await names(FOLDERS)).toEqual(['a/', 'a/e/', 'b/', 'b/c/', 'b/c/d/'])
  expect(await names(`${FOLDERS}?delimiter=/`)).toEqual(['a/', 'b/'])
  expect(await names(`${FOLDERS}?delimiter=/&prefix=b/`)).toEqual(['b/', 'b/c/'])
  expect(await names(`${FOLDERS}?startOffset=a/e/&endOffset=b/c/`)).toEqual(['a/e/', 'b/'])
  const {nextPageToken} = await fieldsOf(await call(origin, 'GET', `${FOLDERS}?pageSize=3`))
  expect(await names(`${FOLDERS}?pageToken=${String(nextPageToken)}`)).toEqual(['b/c/', 'b/c/d/'])
  const level = '/b/bucket/o?delimiter=/&includeFoldersAsPrefixes=true'
  expect(await names(level, 'prefixes')).toEqual(['a/', 'b/'])

  expect(await refusalOf(await call(origin, 'DELETE', at('a/')))).toEqual([
    409,
    'The folder you tried to delete is not empty.',
  ])
  expect((await call(origin, 'DELETE', `${at('b/c/d/')}?ifMetagenerationMatch=2`)).status).toBe(412)
  expect((await call(origin, 'DELETE', at('b/c/d/'))).status).toBe(204)
  await call(origin, 'DELETE', `/b/bucket/o/${encodeURIComponent('a/e/x')}`)
  expect((await call(origin, 'DELETE', '/b/bucket')).status).toBe(409)
  for (const name of ['a/e/', 'a/', 'b/c/', 'b/']) await call(origin, 'DELETE', at(name))
  expect((await call(origin, 'GET', at('a/'))).status).toBe(404)
  expect((await call(origin, 'DELETE', '/b/bucket')).status).toBe(204)
})

test('a list has names of all characters', async () => {
  const {origin, names} = await withFolders()
  const all = ['a/', 'ä/', 'Ａ/', '😀/']
  for (const name of all) expect((await call(origin, 'POST', FOLDERS, {name})).status).toBe(200)
  expect(await names(FOLDERS)).toEqual(all)
})

test('a list is bounded by the UTF-8 bytes of names, which JavaScript orders otherwise', async () => {
  const {origin, names} = await withFolders()
  for (const name of ['a/', 'Ａ/', '😀/']) await call(origin, 'POST', FOLDERS, {name})
  const [wide, face] = [encodeURIComponent('Ａ/'), encodeURIComponent('😀/')]
  expect(await names(`${FOLDERS}?startOffset=${wide}`)).toEqual(['Ａ/', '😀/'])
  expect(await names(`${FOLDERS}?endOffset=${face}`)).toEqual(['a/', 'Ａ/'])

  for (const name of ['!', '😀']) await uploadMedia(origin, 'bucket', name, name)
  const page = '/b/bucket/o?delimiter=/&includeFoldersAsPrefixes=true&maxResults=1'
  expect(await names(page, 'prefixes')).toEqual(['a/', 'Ａ/'])
  const {nextPageToken} = await fieldsOf(await call(origin, 'GET', page))
  expect(await names(`${page}&pageToken=${String(nextPageToken)}`, 'prefixes')).toEqual(['😀/'])
})

test('a rename moves everything in a folder at once, in a long-running operation', async () => {
  const {origin, names} = await withFolders()
  for (const name of ['old/x', 'old/sub/ä', 'older']) await uploadMedia(origin, 'bucket', name, name)
  const {generation} = await fieldsOf(await call(origin, 'GET', `/b/bucket/o/${encodeURIComponent('old/x')}`))
  const rename = (source: string, target: string): Promise<Response> =>
    call(origin, 'POST', `${at(source)}/renameTo/folders/${encodeURIComponent(target)}`)
  const begun = await fieldsOf(await rename('old/', 'new-name/'))
  expect(begun).toMatchObject({
    kind: 'storage#operation',
    metadata: {
      '@type': 'type.googleapis.com/google.storage.control.v2.RenameFolderMetadata',
      sourceFolderId: 'old/',
      destinationFolderId: 'new-name/',
    },
  })
  const {pathname} = new URL(String(begun['selfLink']))
  expect(await fieldsOf(await call(origin, 'GET', pathname.replace('/storage/v1', '')))).toMatchObject({
    done: true,
    response: {
      '@type': 'type.googleapis.com/google.storage.control.v2.Folder',
      name: 'projects/_/buckets/bucket/folders/new-name/',
      metageneration: '2',
    },
  })
  expect(await names('/b/bucket/o')).toEqual(['new-name/sub/ä', 'new-name/x', 'older'])
  expect(await names(FOLDERS)).toEqual(['new-name/', 'new-name/sub/'])
  const moved = `/b/bucket/o/${encodeURIComponent('new-name/x')}`
  expect(await fieldsOf(await call(origin, 'GET', moved))).toMatchObject({generation})
  expect(await (await call(origin, 'GET', `${moved}?alt=media`)).text()).toBe('old/x')

  const failures = [
    ['none/', 'other/', 5],
    ['new-name/', 'new-name/sub/x/', 3],
    ['new-name/sub/', 'new-name/', 6],
  ] as const
  for (const [source, target, code] of failures)
    expect(await fieldsOf(await rename(source, target))).toMatchObject({done: true, error: {code}})
  expect(await names(FOLDERS)).toEqual(['new-name/', 'new-name/sub/'])
})

test('a rename does not take away an object that is held or retained', async () => {
  const {origin, names} = await withFolders()
  for (const name of ['held/sub/x', 'free/x']) await uploadMedia(origin, 'bucket', name, name)
  const rename = async (source: string, target: string): Promise<unknown> =>
    fieldsOf(await call(origin, 'POST', `${at(source)}/renameTo/folders/${encodeURIComponent(target)}`))
  const held = `/b/bucket/o/${encodeURIComponent('held/sub/x')}`
  for (const hold of ['temporaryHold', 'eventBasedHold']) {
    await call(origin, 'PATCH', held, {[hold]: true})
    expect(await rename('held/', 'moved/')).toMatchObject({
      error: {code: 7, message: expect.stringContaining("Object 'bucket/held/sub/x' is under active")},
    })
    await call(origin, 'PATCH', held, {[hold]: false})
  }
  expect(await rename('free/', 'freed/')).toMatchObject({response: expect.anything()})
  await call(origin, 'PATCH', '/b/bucket', {retentionPolicy: {retentionPeriod: 60}})
  expect(await rename('held/', 'moved/')).toMatchObject({
    error: {code: 7, message: expect.stringContaining('retention policy')},
  })
  expect(await names('/b/bucket/o')).toEqual(['freed/x', 'held/sub/x'])
  expect(await names(FOLDERS)).toEqual(['freed/', 'held/', 'held/sub/'])
})

test('a folder is on one page of a list, that of the objects in it', async () => {
  const {origin} = await withFolders()
  for (const name of ['a', 'b/1', 'b/2', 'c', 'd/1']) await uploadMedia(origin, 'bucket', name, name)
  for (const name of ['aa/', 'bb/', 'e/']) await call(origin, 'POST', FOLDERS, {name})
  const pages: unknown[] = []
  for (let token = ''; pages.length < 10;) {
    const page = `/b/bucket/o?delimiter=/&includeFoldersAsPrefixes=true&maxResults=1&pageToken=${token}`
    const {prefixes, items, nextPageToken} = await fieldsOf(await call(origin, 'GET', page))
    pages.push([items === undefined ? [] : Object(items)[0].name, prefixes ?? []].flat())
    if (typeof nextPageToken !== 'string') break
    token = encodeURIComponent(nextPageToken)
  }
  expect(pages).toEqual([['a', 'aa/'], ['b/', 'bb/'], ['c'], ['d/', 'e/']])
})

test('a bucket keeps its namespace, which needs uniform access; without one it has no folders', async () => {
  const {origin} = await startStorage()
  const {iamConfiguration: _uniform, ...fine} = hierarchical
  expect((await call(origin, 'POST', `/b?project=${PROJECT}`, fine)).status).toBe(400)
  await call(origin, 'POST', `/b?project=${PROJECT}`, hierarchical)
  const patched = await call(origin, 'PATCH', '/b/bucket', {hierarchicalNamespace: null})
  expect(await fieldsOf(patched)).toMatchObject({hierarchicalNamespace: {enabled: true}})
  expect(await fieldsOf(await call(origin, 'GET', '/b/bucket/storageLayout'))).toMatchObject({
    hierarchicalNamespace: {enabled: true},
  })
  await call(origin, 'POST', `/b?project=${PROJECT}`, {name: 'flat'})
  expect((await call(origin, 'POST', '/b/flat/folders', {name: 'a/'})).status).toBe(400)
  expect(await fieldsOf(await call(origin, 'GET', '/b/flat/folders'))).toEqual({kind: 'storage#folders'})
})

test('a soft-deleted object has a token, which a restore may name', async () => {
  const {origin} = await startStorage()
  const softDeletePolicy = {retentionDurationSeconds: '604800'}
  await call(origin, 'POST', `/b?project=${PROJECT}`, {...hierarchical, softDeletePolicy})
  const {generation} = await fieldsOf(await uploadMedia(origin, 'bucket', 'x', 'x'))
  expect(await fieldsOf(await call(origin, 'GET', '/b/bucket/o/x'))).not.toHaveProperty('restoreToken')
  await call(origin, 'DELETE', '/b/bucket/o/x')
  const query = `generation=${String(generation)}&softDeleted=true`
  const {restoreToken} = await fieldsOf(await call(origin, 'GET', `/b/bucket/o/x?${query}`))
  expect(restoreToken).toMatch(/^[\w-]{22}$/)
  const restore = `/b/bucket/o/x/restore?generation=${String(generation)}&restoreToken=`
  expect((await call(origin, 'POST', `${restore}other`)).status).toBe(404)
  expect((await call(origin, 'POST', `${restore}${String(restoreToken)}`)).status).toBe(200)
})
