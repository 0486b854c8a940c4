import {type IncomingMessage, request, type RequestOptions} from 'node:http'
import {Storage} from '@google-cloud/storage'
import {status, credentials, Client, Metadata} from '@grpc/grpc-js'
import {OAuth2Client} from 'google-auth-library'
import {expect, onTestFinished, test} from 'vitest'
import {LocalCloud, parseBoundAddress} from '../../src/local-cloud/index.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

const TOKEN = '0123456789abcdef0123456789abcdef'

async function startCloud(): Promise<{cloud: LocalCloud; bound: string}> {
  const stateFolder = await temporaryFolder()
  const cloud = await LocalCloud.start({stateFolder, bind: {host: '0.0.0.0', port: 0, token: TOKEN}})
  onTestFinished(() => cloud[Symbol.asyncDispose]())
  return {cloud, bound: `http://127.0.0.1:${new URL(cloud.status().bound ?? '').port}`}
}

const startBound = async (): Promise<string> => (await startCloud()).bound

test('the bound address serves callers with the token, under any name, and nobody else', async () => {
  const bound = await startBound()
  const statusWith = async (headers: Record<string, string>): Promise<number> =>
    (await fetch(`${bound}/storage/v1/b?project=p`, {headers})).status
  expect(await statusWith({})).toBe(401)
  expect(await statusWith({authorization: 'Bearer 0123456789abcdef0123456789abcdeX'})).toBe(401)
  expect(await statusWith({authorization: TOKEN})).toBe(401)
  expect(await statusWith({authorization: `Bearer ${TOKEN}`})).toBe(200)
  expect((await fetch(`${bound}/_local-cloud/status`)).status).toBe(401)
  expect((await fetch(`${bound}/retry_tests`)).status).toBe(401)

  const authClient = new OAuth2Client()
  authClient.setCredentials({access_token: TOKEN})
  const client = new Storage({
    apiEndpoint: bound,
    projectId: 'p',
    authClient,
    useAuthWithCustomEndpoint: true,
  })
  const [bucket] = await client.createBucket('photos')
  await bucket.file('cat.txt').save('meow', {resumable: false})
  expect(String(await bucket.file('cat.txt').download())).toBe('meow')
})

test('it tunnels to nothing, with the token or without, and lists nothing that others ask of it', async () => {
  const {cloud, bound} = await startCloud()
  const ask = (options: RequestOptions): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const done = (answer: IncomingMessage): void => {
        answer.socket.destroy()
        resolve(answer.statusCode)
      }
      request(bound, {...options, agent: false})
        .on('connect', done)
        .on('response', done)
        .on('error', reject)
        .end()
    })
  for (const path of ['storage.googleapis.com:443', new URL(cloud.status().tls.endpoint).host])
    for (const headers of [{}, {authorization: `Bearer ${TOKEN}`}])
      expect(await ask({method: 'CONNECT', path, headers})).toBe(403)
  expect(await ask({path: 'http://example.org/'})).toBe(403)
  expect(await ask({headers: {host: '['}})).toBe(403)
  expect(cloud.status().outsideCalls).toEqual([])
})

test('a free port stays the same over a reset', async () => {
  const {cloud} = await startCloud()
  const before = cloud.status().bound
  await cloud.reset()
  expect(cloud.status().bound).toBe(before)
})

test.each([
  ['that is taken', '127.0.0.1', {code: 'port-taken', suggestions: [/lsof -i/, /--bind ADDRESS:PORT/]}],
  ['of another machine', '192.0.2.1', {code: 'usage', suggestions: [/--bind 0\.0\.0\.0:4511/]}],
])('an address %s is refused with what to do', async (_, host, {code, suggestions}) => {
  const {bound} = await startCloud()
  const bind = {host, port: Number(new URL(bound).port), token: TOKEN}
  await expect(LocalCloud.start({stateFolder: await temporaryFolder(), bind})).rejects.toMatchObject({
    code,
    suggestions: suggestions.map((each) => expect.stringMatching(each)),
  })
})

test('gRPC at the bound address needs the token too', async () => {
  const client = new Client(new URL(await startBound()).host, credentials.createInsecure())
  onTestFinished(() => client.close())
  const codeWith = (metadata: Metadata): Promise<number | undefined> =>
    new Promise((resolve) => {
      client.makeUnaryRequest(
        '/google.pubsub.v1.Publisher/ListTopics',
        () => Buffer.from([10, 10, ...Buffer.from('projects/p')]),
        (bytes) => bytes,
        {},
        metadata,
        (error) => resolve(error?.code),
      )
    })
  expect(await codeWith(new Metadata())).toBe(status.UNAUTHENTICATED)
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${TOKEN}`)
  expect(await codeWith(metadata)).toBeUndefined()
})

test.each([
  ['0.0.0.0:4511', undefined, /calls must carry a token/],
  ['0.0.0.0:4511', 'short', /16 characters/],
  ['everywhere', TOKEN, /an IP address and a port/],
  ['0.0.0.0', TOKEN, /an IP address and a port/],
])('--bind %s with the token %s is refused', (text, token, message) => {
  expect(() => parseBoundAddress(text, token)).toThrow(message)
})

test('IPv6 is written as in a URL', () => {
  expect(parseBoundAddress('[::]:4511', TOKEN)).toEqual({host: '::', port: 4511, token: TOKEN})
})
