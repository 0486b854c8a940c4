import {Client, credentials, status} from '@grpc/grpc-js'
import {expect, onTestFinished, test} from 'vitest'
import {LocalCloud, type LoggedRequest} from '../../../src/local-cloud/index.ts'
import {systemClock} from '../../../src/local-cloud/wire/clock.ts'
import {createRequestLog} from '../../../src/local-cloud/wire/request-log.ts'

test('forgets the owner’s calls first, so that those of service accounts are not lost among them', async () => {
  const log = createRequestLog(systemClock)
  const call = (principal: 'owner' | 'serviceAccount:a', path: string) =>
    log.within(
      {principal, method: 'GET', path},
      () => Promise.resolve(),
      () => 200,
    )
  await call('serviceAccount:a', '/kept')
  for (let sent = 0; sent < 20_000; sent++) await call('owner', '/polled')
  const kept = log.list(0)
  expect(kept.filter(({principal}) => principal !== 'owner')).toHaveLength(1)
  expect(kept.length).toBeLessThan(10_000)
})

test('lists what is refused before any service sees it: the caller, the answer and why', async () => {
  const cloud = await LocalCloud.start()
  onTestFinished(() => cloud[Symbol.asyncDispose]())
  const call = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${cloud.endpoint}${path}`, init)
  await call('/v1/projects/p-test/serviceAccounts', {method: 'POST', body: '{"accountId": "robot-1"}'})
  const robot = 'robot-1@p-test.iam.gserviceaccount.com'
  const answer = await call(`/v1/projects/-/serviceAccounts/${robot}:generateAccessToken`, {
    method: 'POST',
    body: '{"scope": ["https://www.googleapis.com/auth/cloud-platform"]}',
  })
  const {accessToken}: {accessToken: string} = JSON.parse(await answer.text())
  const [before] = (await listed(cloud)).slice(-1)

  const topic = '/v1/projects/p-test/topics/topic'
  await call('/v9/nothing?secret=1', {headers: {authorization: `Bearer ${accessToken}`}})
  await call('/v9/nothing', {headers: {authorization: `Bearer ${accessToken}x`}})
  await call(topic, {headers: {authorization: `Bearer ${accessToken}x`}})
  await call(topic, {headers: {origin: 'https://example.org'}})
  await call('/storage/v1/b/%zz')
  await call(topic, {method: 'PUT', body: '{"labels": '})
  await call('/v1/projects/p-test/topics/topic:detach', {method: 'POST'})
  expect(await grpcCode(cloud, '/google.longrunning.Operations/CancelOperation')).toBe(status.UNIMPLEMENTED)
  // A service of which the local cloud knows nothing, not even its methods.
  expect(await grpcCode(cloud, '/google.storage.v2.Storage/GetObject')).toBe(status.UNIMPLEMENTED)

  const news = (await listed(cloud)).filter(({id}) => id > (before?.id ?? 0))
  const account = `serviceAccount:${robot}`
  const lines = news.map(
    ({principal, method, path, status: code}) => `${principal} ${method} ${path} ${code}`,
  )
  expect(lines).toEqual([
    `${account} GET /v9/nothing 400`,
    'allUsers GET /v9/nothing 401',
    `allUsers GET ${topic} 401`,
    `allUsers GET ${topic} 403`,
    'allUsers GET /storage/v1/b/%zz 400',
    `owner PUT ${topic} 400`,
    `owner POST ${topic}:detach 400`,
    'owner gRPC /google.longrunning.Operations/CancelOperation UNIMPLEMENTED',
    'owner gRPC /google.storage.v2.Storage/GetObject UNIMPLEMENTED',
  ])
  expect(news.map(({error}) => error)).toEqual([
    'GET /v9/nothing is not served by the local cloud.',
    expect.stringContaining('the access token is invalid'),
    expect.stringContaining('the access token is invalid'),
    expect.stringContaining('no page of another origin'),
    'The path has an invalid escape: %zz',
    expect.stringContaining('Invalid JSON payload'),
    `POST ${topic}:detach is not served by the local cloud.`,
    'google.longrunning.Operations/CancelOperation is not served by the local cloud.',
    'google.storage.v2.Storage/GetObject is not served by the local cloud.',
  ])
})

/** Calls a method with an empty request. @returns its status */
function grpcCode({endpoint}: LocalCloud, path: string): Promise<number | undefined> {
  const client = new Client(new URL(endpoint).host, credentials.createInsecure())
  const asIs = (bytes: Buffer): Buffer => bytes
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, asIs, asIs, Buffer.alloc(0), (error) => {
      client.close()
      resolve(error?.code)
    })
  })
}

async function listed(cloud: LocalCloud): Promise<LoggedRequest[]> {
  const {requests}: {requests: LoggedRequest[]} = JSON.parse(
    await (await fetch(`${cloud.endpoint}/_local-cloud/requests`)).text(),
  )
  return requests.filter(({path}) => path?.startsWith('/_local-cloud/') !== true)
}
