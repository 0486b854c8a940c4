import {PubSub} from '@google-cloud/pubsub'
import {expect, onTestFinished, test} from 'vitest'
import {LocalCloud, type LoggedRequest} from '../../../src/local-cloud/index.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const P = 'projects/p-test'
const OUTSIDER = 'outsider@p-test.iam.gserviceaccount.com'
const BUCKET = 'projects/_/buckets/bucket'

interface Client {
  readonly cloud: LocalCloud
  /** As an account without any grant, unless by the owner. */
  readonly call: (method: string, path: string, body?: object) => Promise<Response>
  readonly own: Client['call']
  readonly requests: () => Promise<LoggedRequest[]>
}

async function start(stateFolder: string): Promise<Client> {
  const cloud = await LocalCloud.start({stateFolder})
  onTestFinished(() => cloud[Symbol.asyncDispose]())
  const ask =
    (headers: () => Record<string, string>) =>
    (method: string, path: string, body?: object): Promise<Response> =>
      fetch(`${cloud.endpoint}${path}`, {
        method,
        headers: headers(),
        ...(body === undefined ? {} : {body: JSON.stringify(body)}),
      })
  const own = ask(() => ({}))
  await own('POST', `/v1/${P}/serviceAccounts`, {accountId: 'outsider'})
  await own('POST', '/storage/v1/b?project=p-test', {name: 'bucket'})
  const answer = await own('POST', `/v1/projects/-/serviceAccounts/${OUTSIDER}:generateAccessToken`, {
    scope: ['https://www.googleapis.com/auth/cloud-platform'],
  })
  const {accessToken}: {accessToken: string} = JSON.parse(await answer.text())
  return {
    cloud,
    own,
    call: ask(() => ({authorization: `Bearer ${accessToken}`})),
    requests: async () => {
      const listed: {requests: LoggedRequest[]} = JSON.parse(
        await (await own('GET', '/_local-cloud/requests')).text(),
      )
      return listed.requests
    },
  }
}

const OBJECTS = '/storage/v1/b/bucket/o'
const DENIED = {
  principal: `serviceAccount:${OUTSIDER}`,
  permission: 'storage.objects.list',
  resource: BUCKET,
  role: 'roles/storage.objectViewer',
}

test('a mode is kept: audit serves and lists the missing grant, off grants everything', async () => {
  const folder = await temporaryFolder()
  {
    const {cloud, call, own} = await start(folder)
    expect(cloud.status().iam).toBe('enforce')
    expect((await call('GET', OBJECTS)).status).toBe(403)
    expect((await own('PUT', '/_local-cloud/iam', {mode: 'sometimes'})).status).toBe(400)
    expect((await call('PUT', '/_local-cloud/iam', {mode: 'off'})).status).toBe(403)
    expect((await own('PUT', '/_local-cloud/iam', {mode: 'audit'})).status).toBe(200)
    expect((await call('GET', OBJECTS)).status).toBe(200)
    expect(cloud.status().denials[0]).toMatchObject({...DENIED, count: 2})
    await cloud[Symbol.asyncDispose]()
  }
  const {cloud, call, own} = await start(folder)
  expect(cloud.status().iam).toBe('audit')
  await own('PUT', '/_local-cloud/iam', {mode: 'off'})
  expect((await call('GET', OBJECTS)).status).toBe(200)
  expect(cloud.status().denials).toEqual([])
})

test('each request is recorded with its caller, its permissions and what would have allowed it', async () => {
  const {cloud, call, own, requests} = await start(await temporaryFolder())
  await call('GET', `${OBJECTS}?prefix=a`)
  await own('GET', OBJECTS)
  const pubsub = new PubSub({projectId: 'p-test', apiEndpoint: cloud.endpoint, emulatorMode: true})
  await pubsub.createTopic('topic')
  await pubsub.close()
  expect((await requests()).slice(-3)).toMatchObject([
    {
      principal: `serviceAccount:${OUTSIDER}`,
      method: 'GET',
      path: OBJECTS,
      status: 403,
      checks: [{...DENIED, decision: 'denied'}],
    },
    {principal: 'owner', status: 200, checks: [{permission: 'storage.objects.list', decision: 'allowed'}]},
    {
      principal: 'owner',
      method: 'gRPC',
      path: '/google.pubsub.v1.Publisher/CreateTopic',
      status: 'OK',
      checks: [{permission: 'pubsub.topics.create', resource: P, decision: 'allowed'}],
    },
  ])
})

test("the local cloud's own checks are recorded, and its log stays small", async () => {
  const {own, requests} = await start(await temporaryFolder())
  await own('PUT', `/v1/${P}/topics/topic`, {})
  const agent: {email_address: string} = JSON.parse(
    await (await own('GET', `/storage/v1/projects/p-test/serviceAccount`)).text(),
  )
  const refused = await own('POST', '/storage/v1/b/bucket/notificationConfigs', {
    topic: `//pubsub.googleapis.com/${P}/topics/topic`,
    payload_format: 'JSON_API_V1',
  })
  expect(refused.status).toBe(403)
  expect((await requests()).at(-1)?.checks).toContainEqual(
    expect.objectContaining({
      principal: `serviceAccount:${agent.email_address}`,
      permission: 'pubsub.topics.publish',
      decision: 'denied',
      role: 'roles/pubsub.publisher',
    }),
  )
  for (let batch = 0; batch < 60; batch++) {
    await Promise.all(Array.from({length: 100}, () => own('GET', `${OBJECTS}?prefix=a`)))
  }
  const kept = await requests()
  expect(kept.length).toBeLessThan(4000)
  expect(kept.length).toBeGreaterThan(1000)
})
