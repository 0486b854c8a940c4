import {Client, credentials, status} from '@grpc/grpc-js'
import protobuf from 'protobufjs'
import {expect, onTestFinished, test} from 'vitest'
import {createAccess} from '../../../src/local-cloud/iam/access-control.ts'
import {createAccountKeys} from '../../../src/local-cloud/iam/account-keys.ts'
import {createIdTokens} from '../../../src/local-cloud/iam/id-tokens.ts'
import {iamSchema} from '../../../src/local-cloud/iam/schema.ts'
import {createCredentials} from '../../../src/local-cloud/iam/credentials.ts'
import {createServiceAccounts} from '../../../src/local-cloud/iam/service-accounts.ts'
import {openState} from '../../../src/local-cloud/state/open.ts'
import {systemClock} from '../../../src/local-cloud/wire/clock.ts'
import {createServerOf} from '../../../src/local-cloud/wire/server.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

type Answer = {status: number; body: Record<string, unknown>}
type Ask = (method: string, path: string, body?: object, as?: string) => Promise<Answer>

async function serve(): Promise<Ask & {origin: string}> {
  const state = await openState({folder: await temporaryFolder(), schemas: [iamSchema]})
  onTestFinished(() => state[Symbol.asyncDispose]())
  const access = createAccess({
    state,
    clock: systemClock,
    accounts: {exists: () => true, isDisabled: () => false},
  })
  const tokens = await createIdTokens({state, clock: systemClock})
  const keys = createAccountKeys({state, clock: systemClock})
  const {routes, services} = createServiceAccounts({
    keys,
    state,
    clock: systemClock,
    access,
    tokens,
    credentials: createCredentials({tokens, keys}),
  })
  const server = createServerOf({routes, services, report: (error) => expect.unreachable(String(error))})
  const listener = await server.listen(0, (authorization) =>
    authorization === undefined ? 'owner' : `serviceAccount:${authorization}`,
  )
  onTestFinished(() => listener.close())
  const ask: Ask = async (method, path, body, as) => {
    const response = await fetch(`${listener.origin}/v1/projects/${path}`, {
      method,
      headers: as === undefined ? {} : {authorization: as},
      ...(body === undefined ? {} : {body: JSON.stringify(body)}),
    })
    const answer: unknown = await response.json()
    return {status: response.status, body: typeof answer === 'object' && answer !== null ? {...answer} : {}}
  }
  return Object.assign(ask, {origin: listener.origin})
}

const EMAIL = 'worker@p1.iam.gserviceaccount.com'

test('creates, reads, lists, changes and deletes an account', async () => {
  const ask = await serve()
  const created = await ask('POST', 'p1/serviceAccounts', {
    accountId: 'worker',
    serviceAccount: {displayName: 'Worker'},
  })
  expect(created).toMatchObject({
    status: 200,
    body: {
      name: `projects/p1/serviceAccounts/${EMAIL}`,
      email: EMAIL,
      projectId: 'p1',
      displayName: 'Worker',
      uniqueId: expect.stringMatching(/^\d{21}$/),
    },
  })
  expect(await ask('GET', `p1/serviceAccounts/${EMAIL}`)).toEqual(created)
  expect(await ask('GET', `-/serviceAccounts/${encodeURIComponent(EMAIL)}`)).toEqual(created)
  expect(await ask('GET', `-/serviceAccounts/${String(created.body['uniqueId'])}`)).toEqual(created)
  const twice = await ask('POST', 'p1/serviceAccounts', {accountId: 'worker'})
  expect(twice.body).toMatchObject({error: {code: 409, status: 'ALREADY_EXISTS'}})
  const patched = await ask('PATCH', `p1/serviceAccounts/${EMAIL}`, {
    serviceAccount: {description: 'does the work', displayName: 'ignored'},
    updateMask: 'description',
  })
  expect(patched.body).toMatchObject({displayName: 'Worker', description: 'does the work'})
  await ask('POST', 'p1/serviceAccounts', {accountId: 'pusher'})
  const page = await ask('GET', 'p1/serviceAccounts?pageSize=1')
  expect(page.body).toMatchObject({accounts: [{email: 'pusher@p1.iam.gserviceaccount.com'}]})
  const next = await ask(
    'GET',
    `p1/serviceAccounts?pageSize=1&pageToken=${String(page.body['nextPageToken'])}`,
  )
  expect(next.body).toEqual({accounts: [patched.body]})
  expect(await ask('DELETE', `p1/serviceAccounts/${EMAIL}`)).toEqual({status: 200, body: {}})
  expect((await ask('GET', `p1/serviceAccounts/${EMAIL}`)).status).toBe(404)
})

test.each(['short', 'Worker', '1worker', 'worker-', 'w'.repeat(31), ''])(
  'refuses the account id "%s"',
  async (accountId) => {
    const ask = await serve()
    const {body} = await ask('POST', 'p1/serviceAccounts', {accountId})
    expect(body).toMatchObject({error: {code: 400, status: 'INVALID_ARGUMENT'}})
  },
)

test('has a policy, which decides who may create tokens', async () => {
  const ask = await serve()
  await ask('POST', 'p1/serviceAccounts', {accountId: 'worker'})
  const account = `p1/serviceAccounts/${EMAIL}`
  expect((await ask('POST', `${account}:getIamPolicy?options.requestedPolicyVersion=3`)).body).toEqual({
    etag: 'ACAB',
  })
  const asked = {audience: 'http://127.0.0.1/'}
  expect((await ask('POST', `${account}:generateIdToken`, asked, 'a@b.c')).body).toMatchObject({
    error: {code: 403, message: expect.stringContaining('roles/iam.serviceAccountTokenCreator')},
  })
  const bindings = [{role: 'roles/iam.serviceAccountTokenCreator', members: ['serviceAccount:a@b.c']}]
  const set = await ask('POST', `${account}:setIamPolicy`, {policy: {bindings, version: 3, etag: 'ACAB'}})
  expect(set.body).toMatchObject({bindings})
  expect(await ask('POST', `${account}:getIamPolicy`)).toEqual(set)
  expect((await ask('POST', `${account}:generateIdToken`, asked, 'a@b.c')).body).toHaveProperty('token')
  const permissions = ['iam.serviceAccounts.getOpenIdToken', 'iam.serviceAccounts.delete']
  expect((await ask('POST', `${account}:testIamPermissions`, {permissions}, 'a@b.c')).body).toEqual({
    permissions: ['iam.serviceAccounts.getOpenIdToken'],
  })
  expect((await ask('POST', `${account}:undelete`, {})).body).toMatchObject({
    error: {code: 400, status: 'UNIMPLEMENTED'},
  })
})

test('an account acts for another through the chain of its delegates', async () => {
  const ask = await serve()
  for (const accountId of ['worker', 'middle']) await ask('POST', 'p1/serviceAccounts', {accountId})
  const account = (name: string): string => `p1/serviceAccounts/${name}@p1.iam.gserviceaccount.com`
  const grant = (name: string, member: string): Promise<Answer> =>
    ask('POST', `${account(name)}:setIamPolicy`, {
      policy: {
        bindings: [{role: 'roles/iam.serviceAccountTokenCreator', members: [`serviceAccount:${member}`]}],
      },
    })
  await grant('middle', 'a@b.c')
  await grant('worker', 'middle@p1.iam.gserviceaccount.com')
  const delegates = [`projects/-/serviceAccounts/middle@p1.iam.gserviceaccount.com`]
  // As google-auth for Python and Node's send it.
  const asked = {audience: 'https://a.run.app', includeEmail: 'true', useEmailAzp: true}
  const token = `${account('worker')}:generateIdToken`
  expect((await ask('POST', token, {...asked, delegates: []}, 'a@b.c')).status).toBe(403)
  expect((await ask('POST', token, {...asked, delegates}, 'a@b.c')).body).toHaveProperty('token')
  expect((await ask('POST', token, {...asked, delegates}, 'd@e.f')).status).toBe(403)
})

test('an access token lasts as long as asked, at most an hour', async () => {
  const ask = await serve()
  await ask('POST', 'p1/serviceAccounts', {accountId: 'worker'})
  const asked = {scope: ['https://www.googleapis.com/auth/cloud-platform']}
  const path = `p1/serviceAccounts/${EMAIL}:generateAccessToken`
  const before = Date.now()
  const {body} = await ask('POST', path, {...asked, lifetime: '600s'})
  expect(body['expireTime']).toMatch(/^[\d-]+T[\d:]+Z$/)
  const lasts = Date.parse(String(body['expireTime'])) - before
  expect(lasts).toBeGreaterThan(598_000)
  expect(lasts).toBeLessThan(660_000)
  expect((await ask('POST', path, {...asked, lifetime: '3601s'})).status).toBe(400)
})

test('serves IAMCredentials over gRPC as well', async () => {
  const ask = await serve()
  await ask('POST', 'p1/serviceAccounts', {accountId: 'worker'})
  const client = new Client(new URL(ask.origin).host, credentials.createInsecure())
  onTestFinished(() => client.close())
  const call = (method: string, fields: Readonly<Record<number, string>>): Promise<protobuf.Reader> => {
    const request = protobuf.Writer.create()
    for (const [number, text] of Object.entries(fields)) request.uint32(Number(number) * 8 + 2).string(text)
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        `/google.iam.credentials.v1.IAMCredentials/${method}`,
        (bytes: Uint8Array) => Buffer.from(bytes),
        (bytes) => protobuf.Reader.create(bytes),
        request.finish(),
        (error, reader) => (reader === undefined ? reject(error) : resolve(reader)),
      )
    })
  }
  const name = `projects/-/serviceAccounts/${EMAIL}`
  const token = await call('GenerateIdToken', {1: name, 3: 'https://a.run.app'})
  expect(token.uint32()).toBe(1 * 8 + 2)
  const [, claims = ''] = token.string().split('.')
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
    aud: 'https://a.run.app',
    email: EMAIL,
  })
  const signed = await call('SignJwt', {1: name, 5: '{"sub":"x"}'})
  expect([signed.uint32(), signed.string().length]).toEqual([1 * 8 + 2, 40])
  expect([signed.uint32(), signed.string().split('.').length]).toEqual([2 * 8 + 2, 3])
  await expect(call('SignBlob', {1: name})).rejects.toMatchObject({
    code: status.INVALID_ARGUMENT,
    details: 'payload is required, in base64.',
  })
})
