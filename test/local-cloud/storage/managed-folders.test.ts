import {expect, test} from 'vitest'
import {call, fieldsOf, PROJECT, refusalOf, startStorage, uploadMedia} from './local-storage.ts'

const READER = 'serviceAccount:reader@local-project.iam.gserviceaccount.com'
const uniform = {iamConfiguration: {uniformBucketLevelAccess: {enabled: true}}}

test('a managed folder grants what is in it, until it is deleted', async () => {
  const {origin, listen} = await startStorage()
  await call(origin, 'POST', `/b?project=${PROJECT}`, {name: 'bucket', ...uniform})
  const folders = '/b/bucket/managedFolders'
  const created = await fieldsOf(await call(origin, 'POST', folders, {name: 'a/'}))
  expect(created).toMatchObject({
    kind: 'storage#managedFolder',
    id: 'bucket/a/',
    name: 'a/',
    bucket: 'bucket',
  })
  expect(await fieldsOf(await call(origin, 'GET', `${folders}/a%2F`))).toEqual(created)
  for (const name of ['a/b/', 'c/']) await call(origin, 'POST', folders, {name})
  const listed = async (query: string): Promise<unknown> =>
    fieldsOf(await call(origin, 'GET', `${folders}?${query}`))
  expect(await listed('prefix=a/')).toMatchObject({items: [{name: 'a/'}, {name: 'a/b/'}]})
  const {nextPageToken} = Object(await listed('pageSize=2'))
  expect(await listed(`pageToken=${nextPageToken}`)).toMatchObject({items: [{name: 'c/'}]})
  expect((await call(origin, 'GET', `${folders}?pageSize=many`)).status).toBe(400)

  const level = '/b/bucket/o?delimiter=/&includeFoldersAsPrefixes=true'
  expect(await fieldsOf(await call(origin, 'GET', level))).toMatchObject({prefixes: ['a/', 'c/']})
  expect(await fieldsOf(await call(origin, 'GET', `${level}&prefix=a/`))).toMatchObject({prefixes: ['a/b/']})
  expect(await fieldsOf(await call(origin, 'GET', '/b/bucket/o?delimiter=/'))).toEqual({
    kind: 'storage#objects',
  })

  const reader = await listen(READER)
  const read = async (name: string): Promise<number> =>
    (await call(reader, 'GET', `/b/bucket/o/${encodeURIComponent(name)}?alt=media`)).status
  for (const name of ['a/x', 'a/b/x', 'ab', 'c/x']) await uploadMedia(origin, 'bucket', name, 'x')
  expect(await read('a/x')).toBe(403)
  const policy = {bindings: [{role: 'roles/storage.objectViewer', members: [READER]}]}
  expect((await call(reader, 'PUT', `${folders}/a%2F/iam`, policy)).status).toBe(403)
  expect((await call(origin, 'PUT', `${folders}/a%2F/iam`, policy)).status).toBe(200)
  expect(await fieldsOf(await call(origin, 'GET', `${folders}/a%2F/iam`))).toMatchObject({
    ...policy,
    resourceId: 'projects/_/buckets/bucket/managedFolders/a/',
  })
  expect(await Promise.all(['a/x', 'a/b/x', 'ab', 'c/x'].map(read))).toEqual([200, 200, 403, 403])
  const tested = `${folders}/a%2Fb%2F/iam/testPermissions?permissions=storage.objects.get&permissions=storage.objects.create`
  expect(await fieldsOf(await call(reader, 'GET', tested))).toMatchObject({
    permissions: ['storage.objects.get'],
  })

  expect((await call(origin, 'DELETE', `${folders}/a%2F`)).status).toBe(409)
  expect((await call(origin, 'DELETE', `${folders}/a%2F?allowNonEmpty=true`)).status).toBe(204)
  expect((await call(origin, 'GET', `${folders}/a%2F`)).status).toBe(404)
  expect((await call(origin, 'GET', `${folders}/a%2F/iam`)).status).toBe(404)
  expect(await read('a/x')).toBe(403)
})

test('a managed folder needs a free name, which gets a slash, and a bucket with uniform access, with which it goes', async () => {
  const {origin} = await startStorage()
  await call(origin, 'POST', `/b?project=${PROJECT}`, {name: 'bucket', ...uniform})
  const insert = (bucket: string, name: string): Promise<Response> =>
    call(origin, 'POST', `/b/${bucket}/managedFolders`, {name})
  expect((await insert('bucket', '')).status).toBe(400)
  expect(await fieldsOf(await insert('bucket', 'a'))).toMatchObject({name: 'a/'})
  for (const name of ['a', 'a/iam'])
    expect((await call(origin, 'GET', `/b/bucket/managedFolders/${name}`)).status).toBe(200)
  expect((await insert('bucket', 'a/')).status).toBe(409)
  await call(origin, 'POST', `/b?project=${PROJECT}`, {name: 'with-lists'})
  expect(await refusalOf(await insert('with-lists', 'a/'))).toEqual([400, expect.stringContaining('uniform')])
  expect((await call(origin, 'DELETE', '/b/bucket')).status).toBe(204)
  await call(origin, 'POST', `/b?project=${PROJECT}`, {name: 'bucket', ...uniform})
  expect(await fieldsOf(await call(origin, 'GET', '/b/bucket/managedFolders'))).toEqual({
    kind: 'storage#managedFolders',
  })
})
