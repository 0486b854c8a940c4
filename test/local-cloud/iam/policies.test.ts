import {expect, it} from 'vitest'
import {LocalCloud} from '../../../src/local-cloud/index.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const WORKER = 'serviceAccount:worker@p1.iam.gserviceaccount.com'
const LOCATION = 'projects/p1/locations/europe-west3'
const template = {template: {containers: [{image: 'r-docker.pkg.dev/p1/images/none'}]}}

/** Every resource with a policy of google.iam.v1, how it is created, and a role that can be granted on it. */
it.each([
  ['/v1/projects/p1/topics/some', 'PUT', '/v1/projects/p1/topics/some', {}, 'roles/pubsub.publisher'],
  [
    '/v1/projects/p1/subscriptions/some',
    'PUT',
    '/v1/projects/p1/subscriptions/some',
    {topic: 'projects/p1/topics/first'},
    'roles/pubsub.subscriber',
  ],
  [`/v2/${LOCATION}/jobs/some`, 'POST', `/v2/${LOCATION}/jobs?jobId=some`, {template}, 'roles/run.invoker'],
  [`/v1/${LOCATION}/jobs/some`, 'POST', `/v2/${LOCATION}/jobs?jobId=some`, {template}, 'roles/run.invoker'],
  [
    `/v1/${LOCATION}/repositories/some`,
    'POST',
    `/v1/${LOCATION}/repositories?repositoryId=some`,
    {format: 'DOCKER'},
    'roles/artifactregistry.reader',
  ],
  [
    '/v1/projects/p1/serviceAccounts/worker@p1.iam.gserviceaccount.com',
    'GET',
    '/v1/projects/p1/serviceAccounts',
    undefined,
    'roles/iam.serviceAccountUser',
  ],
  ['/v1/projects/p1', 'GET', '/v1/projects/p1', undefined, 'roles/viewer'],
])('the policy of %s is read, set and tested as every other', async (resource, method, path, body, role) => {
  await using cloud = await LocalCloud.start({stateFolder: await temporaryFolder()})
  const ask = async (verb: string, at: string, sent?: object) => {
    const response = await fetch(`${cloud.endpoint}${at}`, {
      method: verb,
      ...(sent === undefined ? {} : {body: JSON.stringify(sent)}),
    })
    const json: unknown = await response.json()
    return {status: response.status, json}
  }
  await ask('POST', '/v1/projects/p1/serviceAccounts', {accountId: 'worker'})
  await ask('PUT', '/v1/projects/p1/topics/first', {})
  expect((await ask(method, path, body)).status).toBe(200)
  const getMethod = resource.includes('/serviceAccounts/') || resource === '/v1/projects/p1' ? 'POST' : 'GET'
  const get = () => ask(getMethod, `${resource}:getIamPolicy`)
  const set = (policy?: object) => ask('POST', `${resource}:setIamPolicy`, policy && {policy})

  expect(await get()).toEqual({status: 200, json: {etag: 'ACAB'}})
  const bindings = [{role, members: [WORKER]}]
  const granted = await set({bindings, etag: 'ACAB'})
  expect(granted).toMatchObject({status: 200, json: {bindings}})
  expect(await get()).toEqual(granted)
  expect(await set({bindings: [], etag: 'ACAB'})).toMatchObject({status: 409})
  expect(await set({bindings: [{...bindings[0], condition: {expression: 'true'}}]})).toMatchObject({
    status: 400,
  })
  expect(await set()).toMatchObject({status: 400})
  expect(await get()).toEqual(granted)

  const test = (permissions: unknown) => ask('POST', `${resource}:testIamPermissions`, {permissions})
  expect(await test(['some.permission'])).toEqual({status: 200, json: {permissions: ['some.permission']}})
  expect(await test([])).toEqual({status: 200, json: {}})
  expect(await test('some.permission')).toMatchObject({status: 400})
})
