import {once} from 'node:events'
import {createServer} from 'node:http'
import {Storage} from '@google-cloud/storage'
import {expect, onTestFinished, test} from 'vitest'
import {noBrowser, openPage} from '../../support/browser.ts'
import {AGENT, clientOf, type LocalStorage, PROJECT, startStorage, TOPIC} from './local-storage.ts'

const EMAIL = `signer@${PROJECT}.iam.gserviceaccount.com`
const ACCOUNT = {name: `projects/${PROJECT}/serviceAccounts/${EMAIL}`, email: EMAIL}
const PAGE = 'https://app.example'
const BROWSER = {origin: PAGE, 'sec-fetch-site': 'cross-site'}

async function start(
  origin: string,
): Promise<LocalStorage & {sign: (action: 'read' | 'write' | 'resumable', name: string) => Promise<string>}> {
  const local = await startStorage()
  await local.client.createBucket('bucket')
  await local.client.createBucket('other')
  await local.client.bucket('bucket').setCorsConfiguration([
    {
      origin: [origin],
      method: ['GET', 'PUT', 'POST'],
      responseHeader: ['content-type', 'x-goog-resumable', 'location'],
      maxAgeSeconds: 60,
    },
  ])
  const {privateKey} = await local.keys.create(ACCOUNT)
  await local.access.setPolicy('projects/_/buckets/bucket', {
    bindings: [{role: 'roles/storage.objectAdmin', members: [`serviceAccount:${EMAIL}`]}],
  })
  const signer = new Storage({
    apiEndpoint: local.origin,
    projectId: PROJECT,
    credentials: {client_email: EMAIL, private_key: privateKey},
  })
  const sign = async (action: 'read' | 'write' | 'resumable', name: string): Promise<string> => {
    const [url] = await signer
      .bucket('bucket')
      .file(name)
      .getSignedUrl({version: 'v4', action, expires: Date.now() + 3600_000})
    return url
  }
  return {...local, sign}
}

test("a page that a bucket's rules name may do what a signature lets it, and nothing by itself", async () => {
  const {origin, sign, client} = await start(PAGE)
  const ask = async (bucket: string, method: string, names: string, page = PAGE): Promise<Response> =>
    fetch(`${origin}/${bucket}/x`, {
      method: 'OPTIONS',
      headers: {
        ...BROWSER,
        origin: page,
        'access-control-request-method': method,
        'access-control-request-headers': names,
      },
    })
  const allowed = await ask('bucket', 'PUT', 'content-type')
  expect([allowed.status, Object.fromEntries(allowed.headers)]).toMatchObject([
    200,
    {
      'access-control-allow-origin': PAGE,
      'access-control-allow-methods': 'PUT',
      'access-control-allow-headers': 'content-type',
      'access-control-max-age': '60',
      vary: 'Origin',
    },
  ])
  const refused = await Promise.all([
    ask('bucket', 'DELETE', ''),
    ask('bucket', 'PUT', 'x-goog-meta-a'),
    ask('bucket', 'PUT', '', 'https://evil.example'),
    ask('other', 'PUT', ''),
    fetch(`${origin}/storage/v1/b?project=${PROJECT}`, {headers: BROWSER}),
    fetch(`${origin}/nothing/at/all`, {headers: {'sec-fetch-site': 'cross-site'}}),
  ])
  expect(refused.map(({status, headers}) => [status, headers.get('access-control-allow-origin')])).toEqual(
    refused.map(() => [403, null]),
  )
  const put = await fetch(await sign('write', 'x'), {method: 'PUT', body: 'text', headers: BROWSER})
  expect([put.status, put.headers.get('access-control-allow-origin')]).toEqual([200, PAGE])
  const unsigned = await fetch(`${origin}/bucket/x`, {headers: BROWSER})
  expect([unsigned.status, unsigned.headers.get('access-control-allow-origin')]).toEqual([401, PAGE])
  const json = await fetch(`${origin}/storage/v1/b/bucket/o/x?alt=media`, {headers: BROWSER})
  expect(json.status).toBe(401)

  // A server starts an upload for a page, which goes on by itself.
  const [session] = await client.bucket('bucket').file('y').createResumableUpload({origin: PAGE})
  const sent = await fetch(session, {method: 'PUT', body: 'rest', headers: BROWSER})
  expect([sent.status, sent.headers.get('access-control-allow-origin')]).toEqual([200, PAGE])
  expect(String(await clientOf(origin).bucket('bucket').file('y').download())).toBe('rest')
})

test('what a rule calls a response header and no header can be called is left out', async () => {
  const {origin, client} = await startStorage()
  await client.createBucket('bucket')
  await client
    .bucket('bucket')
    .setCorsConfiguration([{origin: ['*'], method: ['GET'], responseHeader: ['x-\n漢', 'etag']}])
  const {status, headers} = await fetch(`${origin}/storage/v1/b/bucket/o`, {headers: {origin: PAGE}})
  expect([status, headers.get('access-control-expose-headers')]).toEqual([200, 'etag'])
})

test.skipIf(noBrowser !== undefined)(
  `a page in a browser uploads by a signed URL and by a resumable upload${noBrowser === undefined ? '' : ` (skipped: ${noBrowser})`}`,
  {timeout: 60_000},
  async () => {
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html')
      response.end('<!doctype html>')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const address = server.address()
    const origin = `http://app.example:${typeof address === 'object' && address !== null ? address.port : 0}`
    const {sign, client, topic, access} = await start(origin)
    await access.setPolicy(TOPIC, {bindings: [{role: 'roles/pubsub.publisher', members: [AGENT]}]})
    await client.bucket('bucket').createNotification(TOPIC)
    const [put, resumable] = [await sign('write', 'put'), await sign('resumable', 'resumable')]
    const page = await openPage(`${origin}/`, 'light', [
      '--host-resolver-rules=MAP app.example 127.0.0.1',
      '--disable-features=LocalNetworkAccessChecks',
    ])
    const answers = await page.evaluate(`(async () => {
      const put = await fetch(${JSON.stringify(put)}, {method: 'PUT', body: new Blob(['put'])})
      const started = await fetch(${JSON.stringify(resumable)}, {method: 'POST', headers: {'x-goog-resumable': 'start'}})
      const sent = await fetch(started.headers.get('location'), {method: 'PUT', body: new Blob(['resumable'])})
      const other = await fetch(${JSON.stringify(new URL(put).origin)} + '/storage/v1/b?project=${PROJECT}').catch(() => 'refused')
      return [put.status, started.status, sent.status, other]
    })()`)
    expect(answers).toEqual([200, 201, 200, 'refused'])
    expect(String(await client.bucket('bucket').file('put').download())).toBe('put')
    expect(String(await client.bucket('bucket').file('resumable').download())).toBe('resumable')
    expect(topic.messages).toHaveLength(2)
  },
)
