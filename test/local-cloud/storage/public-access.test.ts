import {expect, test} from 'vitest'
import {call, PROJECT, refusalOf, startStorage, uploadMedia} from './local-storage.ts'

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
