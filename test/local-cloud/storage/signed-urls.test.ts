import {createHash, createHmac} from 'node:crypto'
import {once} from 'node:events'
import {request} from 'node:http'
import {Storage} from '@google-cloud/storage'
import {Storage as Storage7} from 'google-cloud-storage-7'
import {expect, test} from 'vitest'
import {ManualClock} from '../../support/manual-clock.ts'
import {call, fieldsOf, type LocalStorage, PROJECT, startStorage} from './local-storage.ts'

const HOUR_MS = 60 * 60 * 1000
const EMAIL = `signer@${PROJECT}.iam.gserviceaccount.com`
const ACCOUNT = {name: `projects/${PROJECT}/serviceAccounts/${EMAIL}`, email: EMAIL}

async function start(): Promise<LocalStorage & {clock: ManualClock; privateKey: string; keyId: string}> {
  // Clients sign by the time of day.
  const clock = new ManualClock(Date.now())
  const local = await startStorage({clock})
  await local.client.createBucket('bucket')
  const {privateKey, id} = await local.keys.create(ACCOUNT)
  await allow(local, 'roles/storage.objectAdmin')
  return {...local, clock, privateKey, keyId: id}
}

async function allow({access}: LocalStorage, role: string): Promise<void> {
  await access.setPolicy('projects/_/buckets/bucket', {
    bindings: [{role, members: [`serviceAccount:${EMAIL}`]}],
  })
}

async function codeOf(response: Response): Promise<[status: number, code: string | undefined]> {
  const text = await response.text()
  return [response.status, /<Code>(?<code>\w+)<\/Code>/.exec(text)?.groups?.['code']]
}

const clients = [
  ['8', Storage],
  ['7', Storage7],
] as const

test.each(clients.flatMap((client) => [[...client, 'v2'] as const, [...client, 'v4'] as const]))(
  'a URL that client %s signs is good for what was signed, until it expires',
  async (_name, Client, version) => {
    const {origin, clock, privateKey} = await start()
    const file = new Client({
      apiEndpoint: origin,
      projectId: PROJECT,
      credentials: {client_email: EMAIL, private_key: privateKey},
    })
      .bucket('bucket')
      .file("dir/a b+c'(1).txt")
    const sign = async (action: 'read' | 'write' | 'delete', more: object = {}): Promise<string> => {
      const [url] = await file.getSignedUrl({version, action, expires: Date.now() + HOUR_MS, ...more})
      return url
    }
    const write = await sign('write', {contentType: 'text/plain', extensionHeaders: {'x-goog-meta-a': 'b'}})
    const headers = {'content-type': 'text/plain', 'x-goog-meta-a': 'b'}
    const put = async (url: string, sent: Record<string, string>): Promise<Response> =>
      fetch(url, {method: 'PUT', body: 'text', headers: sent})
    expect(await codeOf(await put(write, headers))).toEqual([200, undefined])
    expect(await codeOf(await put(write, {...headers, 'x-goog-meta-a': 'c'}))).toEqual([
      403,
      'SignatureDoesNotMatch',
    ])
    const read = await sign('read')
    const download = await fetch(read)
    expect([download.headers.get('x-goog-meta-a'), await download.text()]).toEqual(['b', 'text'])
    expect(await codeOf(await fetch(read, {method: 'DELETE'}))).toEqual([403, 'SignatureDoesNotMatch'])
    expect(await codeOf(await fetch(read.replace('(1)', '(2)').replace('%281%29', '%282%29')))).toEqual([
      403,
      'SignatureDoesNotMatch',
    ])
    const remove = await sign('delete')
    await clock.advance(2 * HOUR_MS)
    expect(await codeOf(await fetch(read))).toEqual([400, 'ExpiredToken'])
    expect(await codeOf(await fetch(remove, {method: 'DELETE'}))).toEqual([400, 'ExpiredToken'])
  },
)

test('a signed URL starts a resumable upload, whose own URL needs no signature', async () => {
  const {origin, privateKey, client} = await start()
  const file = signer(origin, privateKey).bucket('bucket').file('x')
  const [url] = await file.getSignedUrl({version: 'v4', action: 'resumable', expires: Date.now() + HOUR_MS})
  const started = await fetch(url, {method: 'POST', headers: {'x-goog-resumable': 'start'}})
  expect(started.status).toBe(201)
  const sent = await fetch(started.headers.get('location') ?? '', {method: 'PUT', body: 'whole'})
  expect(sent.status).toBe(200)
  expect(String(await client.bucket('bucket').file('x').download())).toBe('whole')
})

test('a signed URL that is not valid yet is refused', async () => {
  const {origin, privateKey, client} = await start()
  await client.bucket('bucket').file('x').save('x', {resumable: false})
  const file = signer(origin, privateKey).bucket('bucket').file('x')
  const accessibleAt = Date.now() + HOUR_MS
  const [url] = await file.getSignedUrl({
    version: 'v4',
    action: 'read',
    accessibleAt,
    expires: accessibleAt + HOUR_MS,
  })
  expect(await codeOf(await fetch(url))).toEqual([403, 'AccessDenied'])
})

test('a signed URL can do what its signer may, with a key that exists', async () => {
  const local = await start()
  const {origin, privateKey, keyId, keys} = local
  await local.client.bucket('bucket').file('x').save('text')
  const [url] = await signer(origin, privateKey)
    .bucket('bucket')
    .file('x')
    .getSignedUrl({version: 'v4', action: 'read', expires: Date.now() + HOUR_MS})
  expect((await fetch(url)).status).toBe(200)
  // A program may put the local cloud's host into a URL that was signed for Google's.
  const [foreign] = await new Storage({
    projectId: PROJECT,
    credentials: {client_email: EMAIL, private_key: privateKey},
  })
    .bucket('bucket')
    .file('x')
    .getSignedUrl({version: 'v4', action: 'read', expires: Date.now() + HOUR_MS})
  expect((await fetch(foreign.replace('https://storage.googleapis.com', origin))).status).toBe(200)
  await allow(local, 'roles/storage.objectCreator')
  expect(await codeOf(await fetch(url))).toEqual([403, 'AccessDenied'])
  await allow(local, 'roles/storage.objectAdmin')
  await keys.setDisabled(EMAIL, keyId, true)
  expect((await fetch(url)).status).toBe(403)
  await keys.setDisabled(EMAIL, keyId, false)
  expect((await fetch(url)).status).toBe(200)
  await keys.remove(EMAIL, keyId)
  const gone = await fetch(url)
  expect([gone.status, await gone.text()]).toEqual([
    403,
    expect.stringContaining('gcloud iam service-accounts keys create'),
  ])
})

test('a URL that is signed for one bucket is refused at the host of another', async () => {
  const local = await start()
  await local.client.bucket('bucket').file('other/x').save('text')
  const port = await local.listenAsProxy()
  const google = new Storage({
    projectId: PROJECT,
    credentials: {client_email: EMAIL, private_key: local.privateKey},
  })
  const statusOf = async (bucket: string, file: string, virtualHostedStyle: boolean): Promise<unknown> => {
    const [url] = await google
      .bucket(bucket)
      .file(file)
      .getSignedUrl({version: 'v4', action: 'read', expires: Date.now() + HOUR_MS, virtualHostedStyle})
    const path = url.replace(/^https:\/\/(?:bucket\.)?/, 'http://bucket.')
    const asked = request({host: '127.0.0.1', port, path, agent: false}).end()
    const [{statusCode}] = await once(asked, 'response')
    return statusCode
  }
  expect(await statusOf('bucket', 'other/x', true)).toBe(200)
  expect(await statusOf('other', 'x', false)).toBe(403)
})

test('a form uploads what its policy allows', async () => {
  const {origin, privateKey, client, clock} = await start()
  const [policy] = await signer(origin, privateKey)
    .bucket('bucket')
    .file('form/x.csv')
    .generateSignedPostPolicyV4({
      expires: Date.now() + HOUR_MS,
      conditions: [['content-length-range', 1, 10]],
      fields: {'x-goog-meta-a': 'b', 'content-type': 'text/csv', success_action_status: '201'},
    })
  const send = async (body: string, fields: Record<string, string> = {}): Promise<Response> => {
    const form = new FormData()
    for (const [name, value] of Object.entries({...policy.fields, ...fields})) form.set(name, value)
    form.set('file', new Blob([body]), 'name.csv')
    return fetch(policy.url, {method: 'POST', body: form})
  }
  const sent = await send('1,2\n')
  expect([sent.status, await sent.text()]).toEqual([201, expect.stringContaining('<Key>form/x.csv</Key>')])
  const [metadata] = await client.bucket('bucket').file('form/x.csv').getMetadata()
  expect(metadata).toMatchObject({size: '4', contentType: 'text/csv', metadata: {a: 'b'}})
  expect(await codeOf(await send('more than ten bytes'))).toEqual([400, 'EntityTooLarge'])
  expect(await codeOf(await send('1', {'x-goog-random': 'x'}))).toEqual([400, 'InvalidArgument'])
  expect(await codeOf(await send('1', {key: 'other'}))).toEqual([400, 'InvalidPolicyDocument'])
  expect(await codeOf(await send('1', {'cache-control': 'no-store'}))).toEqual([400, 'InvalidPolicyDocument'])
  const wider = Buffer.from(JSON.stringify({conditions: [], expiration: '2100-01-01T00:00:00Z'}))
  expect(await codeOf(await send('1', {policy: wider.toString('base64')}))).toEqual([
    403,
    'SignatureDoesNotMatch',
  ])
  await clock.advance(2 * HOUR_MS)
  expect(await codeOf(await send('1'))).toEqual([400, 'ExpiredToken'])
})

test('HMAC keys are created, listed, deactivated and deleted, and sign requests', async () => {
  const local = await start()
  const {origin, client} = local
  const [key, secret] = await client.createHmacKey(EMAIL, {projectId: PROJECT})
  const accessId = key.metadata?.accessId ?? ''
  expect(accessId).toMatch(/^GOOG1[A-Z2-7]{56}$/)
  expect(Buffer.from(secret, 'base64')).toHaveLength(30)
  const [listed] = await client.getHmacKeys({projectId: PROJECT, serviceAccountEmail: EMAIL})
  expect(listed.map(({id}) => id)).toEqual([key.id])
  const again: unknown = (await key.getMetadata())[0]
  expect(again).toMatchObject({state: 'ACTIVE', serviceAccountEmail: EMAIL})
  expect(again).not.toHaveProperty('secret')

  const ask = async (
    dialect: 'AWS4' | 'GOOG4',
    method: string,
    path: string,
    {body = '', sent = body, by = secret}: {body?: string; sent?: string; by?: string} = {},
  ): Promise<Response> => {
    const url = new URL(`${origin}${path}`)
    const [brand, service, end] =
      dialect === 'AWS4' ? ['x-amz', 's3', 'aws4_request'] : ['x-goog', 'storage', 'goog4_request']
    const date = new Date(local.clock.now()).toISOString().replaceAll(/[-:]|\.\d+/g, '')
    const hash = createHash('sha256').update(body).digest('hex')
    const names = `host;${brand}-content-sha256;${brand}-date`
    const headers = {[`${brand}-content-sha256`]: hash, [`${brand}-date`]: date}
    const canonical = `${method}\n${url.pathname}\n\nhost:${url.host}\n${brand}-content-sha256:${hash}\n${brand}-date:${date}\n\n${names}\n${hash}`
    const scope = `${date.slice(0, 8)}/auto/${service}/${end}`
    const signed = `${dialect}-HMAC-SHA256\n${date}\n${scope}\n${createHash('sha256').update(canonical).digest('hex')}`
    const signingKey = scope
      .split('/')
      .reduce<string | Buffer>(
        (derived, part) => createHmac('sha256', derived).update(part).digest(),
        `${dialect}${by}`,
      )
    const signature = createHmac('sha256', signingKey).update(signed).digest('hex')
    return fetch(url, {
      method,
      ...(sent === '' ? {} : {body: sent}),
      headers: {
        ...headers,
        authorization: `${dialect}-HMAC-SHA256 Credential=${accessId}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
      },
    })
  }
  for (const dialect of ['AWS4', 'GOOG4'] as const) {
    expect((await ask(dialect, 'PUT', '/bucket/x', {body: dialect})).status).toBe(200)
    expect(await (await ask(dialect, 'GET', '/bucket/x')).text()).toBe(dialect)
    expect(await codeOf(await ask(dialect, 'GET', '/bucket/x', {by: 'other'}))).toEqual([
      403,
      'SignatureDoesNotMatch',
    ])
    expect(await codeOf(await ask(dialect, 'PUT', '/bucket/x', {body: dialect, sent: 'other'}))).toEqual([
      400,
      'XAmzContentSHA256Mismatch',
    ])
  }
  expect((await ask('AWS4', 'DELETE', '/bucket')).status).toBe(403)

  expect((await call(origin, 'DELETE', `/projects/${PROJECT}/hmacKeys/${accessId}`)).status).toBe(400)
  await key.setMetadata({state: 'INACTIVE'})
  expect(await codeOf(await ask('GOOG4', 'GET', '/bucket/x'))).toEqual([403, 'InvalidSecurity'])
  await key.delete()
  expect(await fieldsOf(await call(origin, 'GET', `/projects/${PROJECT}/hmacKeys`))).not.toHaveProperty(
    'items',
  )
  const all = await call(origin, 'GET', `/projects/${PROJECT}/hmacKeys?showDeletedKeys=true`)
  expect(await fieldsOf(all)).toMatchObject({items: [{accessId, state: 'DELETED'}]})
})

test.each(['AWS', 'GOOG1'])('%s signatures in headers are checked', async (brand) => {
  const {client, origin, clock} = await start()
  const [key, secret] = await client.createHmacKey(EMAIL, {projectId: PROJECT})
  const ask = async (
    method: string,
    path: string,
    {query = '', by = secret, at = clock.now()}: {query?: string; by?: string; at?: number} = {},
  ): Promise<Response> => {
    const date = new Date(at).toUTCString()
    const extension = brand === 'AWS' ? {'x-amz-meta-a': 'b'} : {'x-goog-date': date}
    const [[name, value] = ['', '']] = Object.entries(extension)
    const text = `${method}\n\ntext/plain\n${brand === 'AWS' ? date : ''}\n${name}:${value}\n${path}${query}`
    const signature = createHmac('sha1', by).update(text).digest('base64')
    return fetch(`${origin}${path}${query}`, {
      method,
      ...(method === 'PUT' ? {body: 'text'} : {}),
      headers: {
        ...extension,
        date,
        'content-type': 'text/plain',
        authorization: `${brand} ${key.metadata?.accessId}:${signature}`,
      },
    })
  }
  expect((await ask('PUT', '/bucket/a%20b')).status).toBe(200)
  expect(await (await ask('GET', '/bucket/a%20b')).text()).toBe('text')
  expect((await ask('GET', '/bucket/a%20b', {query: '?acl'})).status).toBe(200)
  expect((await ask('DELETE', '/bucket')).status).toBe(403)
  expect(await codeOf(await ask('POST', '/bucket/large', {query: '?uploads'}))).toEqual([200, undefined])
  expect(await codeOf(await ask('GET', '/bucket/a%20b', {by: 'other'}))).toEqual([
    403,
    'SignatureDoesNotMatch',
  ])
  expect(await codeOf(await ask('GET', '/bucket/a%20b', {at: clock.now() - HOUR_MS}))).toEqual([
    403,
    'RequestTimeTooSkewed',
  ])
})

function signer(origin: string, privateKey: string): Storage {
  return new Storage({
    apiEndpoint: origin,
    projectId: PROJECT,
    credentials: {client_email: EMAIL, private_key: privateKey},
  })
}
