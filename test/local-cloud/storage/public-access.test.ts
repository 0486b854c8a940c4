import {expect, test} from 'vitest'
import {call, fieldsOf, PROJECT, refusalOf, startStorage, uploadMedia} from './local-storage.ts'

const ENFORCED = {iamConfiguration: {publicAccessPrevention: 'enforced'}}

test('a bucket that prevents public access refuses to be opened, and serves nobody', async () => {
  const {origin, listen} = await startStorage()
  const anonymous = await listen('allUsers')
  await call(origin, 'POST', `/b?project=${PROJECT}`, {name: 'bucket'})
  await uploadMedia(origin, 'bucket', 'x', 'x')
  const bindings = [{role: 'roles/storage.objectViewer', members: ['allUsers']}]
  expect((await call(origin, 'PUT', '/b/bucket/iam', {bindings})).status).toBe(200)
  expect((await call(anonymous, 'GET', '/b/bucket/o/x')).status).toBe(200)

  expect((await call(origin, 'PATCH', '/b/bucket', ENFORCED)).status).toBe(200)
  expect((await call(anonymous, 'GET', '/b/bucket/o/x')).status).toBe(401)
  for (const [method, path, body] of [
    ['PUT', '/b/bucket/iam', {bindings}],
    ['POST', '/b/bucket/acl', {entity: 'allUsers', role: 'READER'}],
    ['POST', '/b/bucket/o/x/acl', {entity: 'allAuthenticatedUsers', role: 'READER'}],
    ['PATCH', '/b/bucket?predefinedAcl=publicRead', {}],
    ['PATCH', '/b/bucket', {acl: [{entity: 'allUsers', role: 'READER'}]}],
    ['PATCH', '/b/bucket/o/x', {acl: [{entity: 'allUsers', role: 'READER'}]}],
  ] as const) {
    expect(await refusalOf(await call(origin, method, path, body))).toEqual([
      412,
      expect.stringContaining('public access prevention is enforced'),
    ])
  }
  expect(
    (await call(origin, 'PATCH', '/b/bucket', {iamConfiguration: {publicAccessPrevention: 'on'}})).status,
  ).toBe(400)
})

test('what it grants to everyone is lost to accounts too, and what it grants to them by name is not', async () => {
  const {origin, listen, access} = await startStorage()
  const passerBy = await listen('serviceAccount:passer-by@p.iam.gserviceaccount.com')
  const reader = await listen('serviceAccount:reader@p.iam.gserviceaccount.com')
  await call(origin, 'POST', `/b?project=${PROJECT}`, {name: 'bucket'})
  await uploadMedia(origin, 'bucket', 'x', 'x')
  const role = 'roles/storage.objectViewer'
  await access.setPolicy('projects/_/buckets/bucket', {
    bindings: [
      {role, members: ['serviceAccount:reader@p.iam.gserviceaccount.com', 'allUsers']},
      {role: 'roles/storage.legacyBucketReader', members: ['allAuthenticatedUsers']},
    ],
  })
  const answers = async (account: string): Promise<number[]> => {
    const paths = ['/b/bucket/o/x', '/b/bucket/o/x?alt=media', '/b/bucket']
    return Promise.all(paths.map(async (path) => (await call(account, 'GET', path)).status))
  }
  const held = async (account: string): Promise<unknown> => {
    const path = '/b/bucket/iam/testPermissions?permissions=storage.objects.get'
    return (await fieldsOf(await call(account, 'GET', path)))['permissions']
  }
  expect(await answers(passerBy)).toEqual([200, 200, 200])
  expect(await held(passerBy)).toEqual(['storage.objects.get'])

  expect((await call(origin, 'PATCH', '/b/bucket', ENFORCED)).status).toBe(200)
  expect(await answers(passerBy)).toEqual([403, 403, 403])
  expect(await held(passerBy)).toBeUndefined()
  expect(await answers(reader)).toEqual([200, 200, 403])
  expect(await refusalOf(await call(passerBy, 'GET', '/b/bucket/o/x'))).toEqual([
    403,
    expect.stringContaining('Public access is prevented.'),
  ])
})

test('a new bucket grants what Google has a new bucket grant', async () => {
  const {origin} = await startStorage()
  const owners = [`projectEditor:${PROJECT}`, `projectOwner:${PROJECT}`]
  const expected = (kind: string): object[] => [
    {role: `roles/storage.legacy${kind}Owner`, members: owners},
    {role: `roles/storage.legacy${kind}Reader`, members: [`projectViewer:${PROJECT}`]},
  ]
  const uniform = {iamConfiguration: {uniformBucketLevelAccess: {enabled: true}}}
  await call(origin, 'POST', `/b?project=${PROJECT}`, {name: 'plain'})
  await call(origin, 'POST', `/b?project=${PROJECT}`, {name: 'uniform', ...uniform})
  const bindingsOf = async (bucket: string): Promise<unknown> =>
    (await call(origin, 'GET', `/b/${bucket}/iam`)).json()
  expect(await bindingsOf('plain')).toMatchObject({version: 1, bindings: expected('Bucket')})
  expect(await bindingsOf('uniform')).toMatchObject({
    bindings: [...expected('Bucket'), ...expected('Object')],
  })
})
