import {createVerify, X509Certificate} from 'node:crypto'
import {JWT} from 'google-auth-library'
import {expect, test} from 'vitest'
import {LocalCloud} from '../../../src/local-cloud/index.ts'
import {isJsonObject, type JsonObject} from '../../../src/local-cloud/wire/json.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const EMAIL = 'signer@p1.iam.gserviceaccount.com'
const ACCOUNT = `/v1/projects/p1/serviceAccounts/${EMAIL}`

type Ask = (method: string, path: string, body?: object) => Promise<JsonObject>

async function askOf(cloud: LocalCloud): Promise<Ask> {
  const ask: Ask = async (method, path, body) => {
    const response = await fetch(`${cloud.endpoint}${path}`, {
      method,
      ...(body === undefined ? {} : {body: JSON.stringify(body)}),
    })
    const value: unknown = await response.json()
    return isJsonObject(value) ? value : {}
  }
  await ask('POST', '/v1/projects/p1/serviceAccounts', {accountId: 'signer'})
  return ask
}

test("a key's private half is handed out once, and identifies its account until it is deleted", async () => {
  await using cloud = await LocalCloud.start({stateFolder: await temporaryFolder()})
  const ask = await askOf(cloud)
  const {privateKeyData, name, ...rest} = await ask('POST', `${ACCOUNT}/keys`, {})
  expect(rest).toMatchObject({keyType: 'USER_MANAGED', keyAlgorithm: 'KEY_ALG_RSA_2048'})
  const file: unknown = JSON.parse(Buffer.from(String(privateKeyData), 'base64').toString())
  expect(file).toMatchObject({
    type: 'service_account',
    client_email: EMAIL,
    token_uri: `${cloud.endpoint}/token`,
  })
  const listed = await ask('GET', `${ACCOUNT}/keys?keyTypes=USER_MANAGED`)
  expect(listed).toMatchObject({keys: [{name}]})
  expect(JSON.stringify(listed)).not.toContain('rivate')
  const {publicKeyData} = await ask('GET', `/v1/${String(name)}?publicKeyType=TYPE_X509_PEM_FILE`)
  expect(new X509Certificate(Buffer.from(String(publicKeyData), 'base64')).subject).toContain(EMAIL)

  // By a token for a signed JWT, and by the JWT itself.
  const key = isJsonObject(file) ? String(file['private_key']) : ''
  const client = new JWT({email: EMAIL, key, keyId: String(name).split('/').at(-1) ?? ''})
  const {authorization} = Object.fromEntries(await client.getRequestHeaders(`${cloud.endpoint}/`))
  const signed = {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: String(authorization).replace('Bearer ', ''),
  }
  const exchanged = await fetch(`${cloud.endpoint}/token`, {
    method: 'POST',
    body: new URLSearchParams(signed),
  })
  const token: unknown = await exchanged.json()
  expect(token).toMatchObject({token_type: 'Bearer', expires_in: 3600})
  // As Google's client for Rust sends it.
  const headers = {'content-type': 'application/json'}
  const asJson = {method: 'POST', headers, body: JSON.stringify(signed)}
  // Where Google's clients of different ages, gsutil and TensorStore send it.
  for (const path of ['/token', '/o/oauth2/token', '/oauth2/v3/token', '/oauth2/v4/token'])
    expect((await fetch(cloud.endpoint + path, asJson)).status).toBe(200)
  const bearer = isJsonObject(token) ? `Bearer ${String(token['access_token'])}` : ''
  const list = async (as: string): Promise<number> =>
    (await fetch(`${cloud.endpoint}/storage/v1/b?project=p1`, {headers: {authorization: as}})).status
  expect([await list(bearer), await list(String(authorization))]).toEqual([403, 403])

  // An ID token of the owner opens every private service.
  const refresh = await fetch(`${cloud.endpoint}/token`, {
    method: 'POST',
    headers: {authorization: bearer},
    body: new URLSearchParams({grant_type: 'refresh_token', refresh_token: 'local'}),
  })
  expect([refresh.status, await refresh.json()]).toEqual([
    401,
    {error: 'unauthorized_client', error_description: expect.stringContaining(EMAIL)},
  ])
  await ask('DELETE', `/v1/${String(name)}`)
  expect(await ask('GET', `${ACCOUNT}/keys?keyTypes=USER_MANAGED`)).toEqual({})
})

test('signBlob and signJwt sign with one key of the account, which stays', async () => {
  const stateFolder = await temporaryFolder()
  const sign = async (): Promise<JsonObject> => {
    await using cloud = await LocalCloud.start({stateFolder})
    const ask = await askOf(cloud)
    const [blob, jwt] = await Promise.all([
      ask('POST', `${ACCOUNT}:signBlob`, {payload: Buffer.from('text').toString('base64')}),
      ask('POST', `${ACCOUNT}:signJwt`, {payload: JSON.stringify({sub: 'x'})}),
    ])
    const {keyId, signedBlob} = blob
    expect(jwt['keyId']).toBe(keyId)
    const certificates = await ask('GET', `/robot/v1/metadata/x509/${EMAIL}`)
    const certificate = String(certificates[String(keyId)])
    const verified = (text: string, signature: Buffer): boolean =>
      createVerify('sha256').update(text).verify(certificate, signature)
    expect(verified('text', Buffer.from(String(signedBlob), 'base64'))).toBe(true)
    const [head, claims, signature = ''] = String(jwt['signedJwt']).split('.')
    expect(verified(`${head}.${claims}`, Buffer.from(signature, 'base64url'))).toBe(true)
    return blob
  }
  expect(await sign()).toEqual(await sign())
})
