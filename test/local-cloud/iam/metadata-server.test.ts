import {execFile} from 'node:child_process'
import {promisify} from 'node:util'
import {OAuth2Client} from 'google-auth-library'
import {describe, expect, it, onTestFinished} from 'vitest'
import {LocalCloud} from '../../../src/local-cloud/index.ts'
import {buildImage, pushImage} from '../../support/oci-image.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const WORKER = 'worker@p-test.iam.gserviceaccount.com'
const LOCATION = 'projects/p-test/locations/europe-west3'

/** Tells the environment in which an instance finds the local cloud. */
const TELLS_ENVIRONMENT = {
  'app/main.js':
    "require('node:http').createServer((q, s) => s.end(JSON.stringify(process.env))).listen(process.env.PORT)",
}

async function call(cloud: LocalCloud, method: string, path: string, body?: object, token?: string) {
  const response = await fetch(`${cloud.endpoint}${path}`, {
    method,
    headers: token === undefined ? {} : {authorization: `Bearer ${token}`},
    ...(body === undefined ? {} : {body: JSON.stringify(body)}),
  })
  const text = await response.text()
  const json: Record<string, unknown> = text.startsWith('{') ? JSON.parse(text) : {}
  return {status: response.status, json, text}
}

/** A local cloud with one service. @returns it, the environment of its instance, and its metadata server */
async function startInstance() {
  const cloud = await LocalCloud.start({stateFolder: await temporaryFolder()})
  onTestFinished(() => cloud[Symbol.asyncDispose]())
  await call(cloud, 'POST', '/v1/projects/p-test/serviceAccounts', {accountId: 'worker'})
  await call(cloud, 'POST', `/v1/${LOCATION}/repositories?repository_id=r`, {format: 'DOCKER'})
  const image = await pushImage(cloud.endpoint, 'p-test/r/env', await buildImage({files: TELLS_ENVIRONMENT}))
  const {json} = await call(cloud, 'POST', `/v2/${LOCATION}/services?serviceId=env`, {
    template: {containers: [{image}], serviceAccount: WORKER},
    invokerIamDisabled: true,
  })
  const service: {uri?: string} = JSON.parse(JSON.stringify(json['response'] ?? {}))
  const environment: Record<string, string> = JSON.parse(await (await fetch(service.uri ?? '')).text())
  const metadata = (path: string, headers: Record<string, string> = {'metadata-flavor': 'Google'}) =>
    fetch(`http://${environment['GCE_METADATA_HOST']}/computeMetadata/v1/${path}`, {headers})
  return {cloud, environment, metadata}
}

describe('the metadata server of an instance', () => {
  it("lets Google's library find project, account and tokens, which identify the account at the main port", async () => {
    const {cloud, environment} = await startInstance()
    const script = `
      import {GoogleAuth} from 'google-auth-library'
      const auth = new GoogleAuth({scopes: 'https://www.googleapis.com/auth/cloud-platform'})
      const client = await auth.getClient()
      const idClient = await auth.getIdTokenClient('https://audience.example')
      console.log(JSON.stringify({
        project: await auth.getProjectId(),
        email: (await auth.getCredentials()).client_email,
        token: await auth.getAccessToken(),
        idToken: (await idClient.getRequestHeaders()).get('authorization').replace('Bearer ', ''),
      }))`
    const {stdout} = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      cwd: process.cwd(),
      env: {GCE_METADATA_HOST: environment['GCE_METADATA_HOST']},
    })
    const found: {project: string; email: string; token: string; idToken: string} = JSON.parse(stdout)
    expect(found).toMatchObject({project: 'p-test', email: WORKER})

    const refused = await call(cloud, 'GET', '/storage/v1/b?project=p-test', undefined, found.token)
    expect(refused).toMatchObject({status: 403})
    expect(cloud.status().denials[0]).toMatchObject({
      principal: `serviceAccount:${WORKER}`,
      permission: 'storage.buckets.list',
    })
    await call(cloud, 'POST', '/v1/projects/p-test:setIamPolicy', {
      policy: {bindings: [{role: 'roles/storage.admin', members: [`serviceAccount:${WORKER}`]}]},
    })
    expect(await call(cloud, 'GET', '/storage/v1/b?project=p-test', undefined, found.token)).toMatchObject({
      status: 200,
    })

    const verifier = new OAuth2Client({
      endpoints: {
        oauth2FederatedSignonPemCertsUrl: `${cloud.endpoint}/oauth2/v1/certs`,
        oauth2FederatedSignonJwkCertsUrl: `${cloud.endpoint}/oauth2/v3/certs`,
      },
    })
    const ticket = await verifier.verifyIdToken({
      idToken: found.idToken,
      audience: 'https://audience.example',
    })
    expect(ticket.getPayload()).toMatchObject({email: WORKER, email_verified: true})
    // An ID token is for a service to check, not for an API.
    expect(await call(cloud, 'GET', '/storage/v1/b?project=p-test', undefined, found.idToken)).toMatchObject({
      status: 401,
    })
  })

  it('answers what Cloud Run does, as text and as JSON, to requests with the right header', async () => {
    const {cloud, metadata} = await startInstance()
    const {json} = await call(cloud, 'GET', '/v1/projects/p-test')
    const number = String(json['projectNumber'])
    const text = async (path: string) => (await metadata(path)).text()
    expect(await text('project/project-id')).toBe('p-test')
    expect(await text('project/numeric-project-id')).toBe(number)
    expect(await text('instance/region')).toBe(`projects/${number}/regions/europe-west3`)
    expect(await text('instance/zone')).toBe(`projects/${number}/zones/europe-west3-1`)
    expect(await text('instance/id')).toMatch(/^[0-9a-f]{64,}$/)
    expect(await text('instance/service-accounts/')).toBe(`default/\n${WORKER}/\n`)
    expect(await text('instance/service-accounts/default/email')).toBe(WORKER)
    expect(await text(`instance/service-accounts/${WORKER}/aliases`)).toBe('default\n')
    expect(await text('instance/service-accounts/default/scopes')).toContain('auth/cloud-platform\n')
    expect(await text('universe/universe-domain')).toBe('googleapis.com')
    const recursive = await metadata('instance/service-accounts/default/?recursive=true')
    expect(await recursive.json()).toEqual({
      aliases: ['default'],
      email: WORKER,
      scopes: expect.arrayContaining(['https://www.googleapis.com/auth/cloud-platform']),
    })
    expect(recursive.headers.get('metadata-flavor')).toBe('Google')
    const token: unknown = await (await metadata('instance/service-accounts/default/token')).json()
    expect(token).toEqual({access_token: expect.any(String), expires_in: 3599, token_type: 'Bearer'})

    expect((await metadata('instance/id', {})).status).toBe(403)
    expect(
      (await metadata('instance/id', {'metadata-flavor': 'Google', 'x-forwarded-for': '1.2.3.4'})).status,
    ).toBe(403)
    expect((await metadata('instance/nothing')).status).toBe(404)
    expect((await metadata('instance/service-accounts/default/identity')).status).toBe(400)
  })
})

describe('an access token on the main port', () => {
  it('that is forged is refused; text of no meaning is the owner', async () => {
    const {cloud, metadata} = await startInstance()
    const answer: {access_token: string} = JSON.parse(
      await (await metadata('instance/service-accounts/default/token')).text(),
    )
    const buckets = '/storage/v1/b?project=p-test'
    expect(await call(cloud, 'GET', buckets, undefined, 'local')).toMatchObject({status: 200})
    expect(await call(cloud, 'GET', buckets, undefined, 'ya29.a0AfromGoogle')).toMatchObject({status: 200})
    expect(await call(cloud, 'GET', buckets, undefined, answer.access_token)).toMatchObject({status: 403})
    expect(await call(cloud, 'GET', buckets, undefined, answer.access_token.slice(0, -9))).toMatchObject({
      status: 401,
      text: expect.stringContaining('invalid authentication credentials'),
    })
  })

  it('is created for another account with the grant that Google requires', async () => {
    const {cloud} = await startInstance()
    const path = `/v1/projects/-/serviceAccounts/${WORKER}:generateAccessToken`
    const {json} = await call(cloud, 'POST', path, {
      scope: ['https://www.googleapis.com/auth/cloud-platform'],
    })
    const token = String(json['accessToken'])
    expect(Date.parse(String(json['expireTime']))).toBeGreaterThan(Date.now() + 3_000_000)
    expect(await call(cloud, 'POST', path, {scope: ['x']}, token)).toMatchObject({
      status: 403,
      text: expect.stringContaining('iam.serviceAccounts.getAccessToken'),
    })
    expect(await call(cloud, 'POST', path, {})).toMatchObject({status: 400})
  })
})
