import {expect, test} from 'vitest'
import {
  call,
  fieldsOf,
  type LocalStorage,
  PROJECT,
  refusalOf,
  startStorage,
  uploadMedia,
} from './local-storage.ts'

const UNIFORM = {iamConfiguration: {uniformBucketLevelAccess: {enabled: true}}}

async function withBucket(fields: object = {}, query = ''): Promise<LocalStorage> {
  const local = await startStorage()
  const created = await call(local.origin, 'POST', `/b?project=${PROJECT}${query}`, {
    name: 'bucket',
    ...fields,
  })
  expect(created.status).toBe(200)
  return local
}

/** The person at the keyboard. */
const OWNER = 'user-owner@local-cloud.invalid'

/** Role by entity. */
async function rolesOf({origin}: LocalStorage, path: string): Promise<Record<string, string>> {
  const {items} = await fieldsOf(await call(origin, 'GET', path))
  const entries = Array.isArray(items) ? items : []
  return Object.fromEntries(entries.map(({entity, role}: {entity: string; role: string}) => [entity, role]))
}

test("Google's client adds, reads, updates and deletes entries of all three lists", async () => {
  const local = await withBucket()
  const bucket = local.client.bucket('bucket')
  const file = bucket.file('dir/x')
  await file.save('x', {resumable: false})
  for (const acl of [bucket.acl, bucket.acl.default, file.acl]) {
    const [entry] = await acl.add({entity: 'user-a@example.com', role: 'READER'})
    expect(entry).toMatchObject({entity: 'user-a@example.com', role: 'READER'})
    await acl.update({entity: 'user-a@example.com', role: 'OWNER'})
    expect((await acl.get({entity: 'user-a@example.com'}))[0]).toMatchObject({role: 'OWNER'})
    await acl.update({entity: 'user-b@example.com', role: 'READER'})
    expect((await acl.get())[0]).toHaveLength(acl === file.acl ? 6 : 5)
    await acl.delete({entity: 'user-a@example.com'})
    await expect(acl.get({entity: 'user-a@example.com'})).rejects.toMatchObject({code: 404})
  }
  await file.makePublic()
  expect(await rolesOf(local, '/b/bucket/o/dir%2Fx/acl')).toMatchObject({allUsers: 'READER'})
  await file.makePrivate({strict: true})
  expect(Object.values(await rolesOf(local, '/b/bucket/o/dir%2Fx/acl'))).toEqual(['OWNER'])
})

test('lists come with the full projection alone', async () => {
  const {origin} = await withBucket({}, '&predefinedAcl=publicRead&predefinedDefaultObjectAcl=publicRead')
  await uploadMedia(origin, 'bucket', 'default', 'x')
  await uploadMedia(origin, 'bucket', 'named', 'x', {query: {predefinedAcl: 'authenticatedRead'}})
  const read = async (path: string): Promise<unknown> => fieldsOf(await call(origin, 'GET', path))
  const entities = (...names: string[]): object => ({
    acl: names.map((entity) => expect.objectContaining({entity: expect.stringContaining(entity)})),
  })
  expect(await read('/b/bucket')).not.toHaveProperty('acl')
  expect(await read('/b/bucket?projection=full')).toMatchObject(entities('project-owners-', 'allUsers'))
  expect(await read('/b/bucket/o/default?projection=full')).toMatchObject({
    ...entities(OWNER, 'project-owners-', 'allUsers'),
    owner: {entity: OWNER},
  })
  expect(await read('/b/bucket/o/named?projection=full')).toMatchObject(
    entities(OWNER, 'allAuthenticatedUsers'),
  )
  expect(await read('/b/bucket/o?projection=full')).toMatchObject({
    items: [{acl: expect.anything()}, {acl: expect.anything()}],
  })
  const bad = await uploadMedia(origin, 'bucket', 'x', 'x', {query: {predefinedAcl: 'everyone'}})
  expect(await refusalOf(bad)).toEqual([400, "Invalid predefined ACL: 'everyone'"])
})

test('a bucket with uniform access has no lists', async () => {
  const {origin} = await withBucket(UNIFORM)
  await uploadMedia(origin, 'bucket', 'x', 'x')
  const refusal = [400, expect.stringContaining('when uniform bucket-level access is enabled')]
  for (const path of ['/b/bucket/acl', '/b/bucket/defaultObjectAcl', '/b/bucket/o/x/acl'])
    expect(await refusalOf(await call(origin, 'GET', path))).toEqual(refusal)
  const uploaded = await uploadMedia(origin, 'bucket', 'y', 'y', {query: {predefinedAcl: 'private'}})
  expect(await refusalOf(uploaded)).toEqual(refusal)
  expect(await refusalOf(await call(origin, 'PATCH', '/b/bucket?predefinedAcl=private', {}))).toEqual(refusal)
  const patch = {acl: [{entity: 'allUsers', role: 'READER'}]}
  expect(await refusalOf(await call(origin, 'PATCH', '/b/bucket/o/x', patch))).toEqual(refusal)
  expect(await fieldsOf(await call(origin, 'GET', '/b/bucket?projection=full'))).not.toHaveProperty('acl')
})

test.each([
  [{entity: 'everyone', role: 'READER'}, 'Invalid entity of an access control: "everyone"'],
  [{entity: 'allUsers', role: 'ROOT'}, /^Invalid role of an access control: "ROOT"/],
])('the entry %j is refused', async (entry, message) => {
  const {origin} = await withBucket()
  expect(await refusalOf(await call(origin, 'POST', '/b/bucket/acl', entry))).toEqual([
    400,
    expect.stringMatching(message),
  ])
})

test('the key of a bucket or an upload is kept and shown', async () => {
  const key = 'projects/p/locations/eu/keyRings/r/cryptoKeys/k'
  const {origin} = await withBucket({encryption: {defaultKmsKeyName: key}})
  const uploaded = await fieldsOf(await uploadMedia(origin, 'bucket', 'x', 'x'))
  expect(uploaded).toMatchObject({kmsKeyName: `${key}/cryptoKeyVersions/1`})
  await call(origin, 'PATCH', '/b/bucket/o/x', {cacheControl: 'no-store'})
  expect(await fieldsOf(await call(origin, 'GET', '/b/bucket/o/x'))).toMatchObject({
    kmsKeyName: `${key}/cryptoKeyVersions/1`,
  })
  const named = await uploadMedia(origin, 'bucket', 'y', 'y', {query: {kmsKeyName: `${key}2`}})
  expect(await fieldsOf(named)).toMatchObject({kmsKeyName: `${key}2/cryptoKeyVersions/1`})
})

test('a caller owns what it uploads, whatever happens to it later', async () => {
  const local = await withBucket()
  const {origin} = local
  const account = 'loader@local-project.iam.gserviceaccount.com'
  const bindings = [{role: 'roles/storage.admin', members: [`serviceAccount:${account}`]}]
  await call(origin, 'PUT', '/b/bucket/iam', {bindings})
  const own = await local.listen(`serviceAccount:${account}`)
  await uploadMedia(own, 'bucket', 'default', 'x')
  await uploadMedia(own, 'bucket', 'named', 'x', {query: {predefinedAcl: 'private'}})
  const owner = {entity: `user-${account}`}
  const full = '?projection=full'
  expect(await fieldsOf(await call(origin, 'GET', `/b/bucket/o/default${full}`))).toMatchObject({owner})
  expect(Object.keys(await rolesOf(local, '/b/bucket/o/default/acl'))).toEqual([
    owner.entity,
    expect.stringContaining('project-owners-'),
    expect.stringContaining('project-editors-'),
    expect.stringContaining('project-viewers-'),
  ])
  expect(await rolesOf(local, '/b/bucket/o/named/acl')).toEqual({[owner.entity]: 'OWNER'})
  expect(await fieldsOf(await call(origin, 'GET', '/b/bucket/o/named'))).not.toHaveProperty('owner')

  await call(origin, 'PUT', '/b/bucket/o/named?predefinedAcl=bucketOwnerRead', {contentType: 'text/csv'})
  expect(await rolesOf(local, '/b/bucket/o/named/acl')).toEqual({
    [owner.entity]: 'OWNER',
    [`project-owners-${String((await fieldsOf(await call(origin, 'GET', '/b/bucket')))['projectNumber'])}`]:
      'READER',
  })
  await call(origin, 'POST', '/b/bucket/o/named/rewriteTo/b/bucket/o/copy')
  expect(await fieldsOf(await call(origin, 'GET', `/b/bucket/o/copy${full}`))).toMatchObject({
    owner: {entity: OWNER},
  })
})
