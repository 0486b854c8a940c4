import {X509Certificate} from 'node:crypto'
import {ApiError} from '../wire/api-error.ts'
import {type HttpRequest, type HttpResponse, route, type Route} from '../wire/routes.ts'
import {GCLOUD_CLIENT_ID, OWNER_EMAIL} from './owner.ts'
import type {AccountKeys, Credentials, IdTokens} from './access.ts'

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** An account as far as its keys need it. */
export interface KeyOwner {
  readonly name: string
  readonly projectId: string
  readonly uniqueId: string
  readonly email: string
}

/**
 * Keys of service accounts (https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts.keys), and
 * the endpoints that a key file names: tokens for a signed JWT, and certificates.
 * @param find the account of a request whose caller has the permission
 */
export function keyRoutes({
  keys,
  tokens,
  credentials,
  find,
}: {
  keys: AccountKeys
  tokens: IdTokens
  credentials: Credentials
  find: (request: HttpRequest, permission: string) => KeyOwner
}): Route[] {
  const path = '/v1/projects/:project/serviceAccounts/:account/keys'
  const idOf = ({params}: HttpRequest): string => params['key'] ?? ''

  async function create(request: HttpRequest): Promise<HttpResponse> {
    const account = find(request, 'iam.serviceAccountKeys.create')
    const {privateKeyType = 'TYPE_GOOGLE_CREDENTIALS_FILE', keyAlgorithm = 'KEY_ALG_RSA_2048'} =
      await request.json()
    if (privateKeyType !== 'TYPE_GOOGLE_CREDENTIALS_FILE' || keyAlgorithm !== 'KEY_ALG_RSA_2048')
      throw new ApiError(
        'UNIMPLEMENTED',
        `Keys of ${String(keyAlgorithm)} as ${String(privateKeyType)} are not served by the local cloud.`,
      )
    const {key, id, privateKey} = await keys.create(account)
    const {origin} = request.call
    const file = {
      type: 'service_account',
      project_id: account.projectId,
      private_key_id: id,
      private_key: privateKey,
      client_email: account.email,
      client_id: account.uniqueId,
      auth_uri: 'https://accounts.google.com/o/oauth2/auth',
      token_uri: `${origin}/token`,
      auth_provider_x509_cert_url: `${origin}/oauth2/v1/certs`,
      client_x509_cert_url: `${origin}/robot/v1/metadata/x509/${encodeURIComponent(account.email)}`,
      universe_domain: 'googleapis.com',
    }
    const privateKeyData = Buffer.from(JSON.stringify(file, null, 2)).toString('base64')
    return {json: {...key, privateKeyType, privateKeyData}}
  }

  function list(request: HttpRequest): HttpResponse {
    const {email} = find(request, 'iam.serviceAccountKeys.list')
    const types = request.url.searchParams.getAll('keyTypes')
    const listed = keys.list(email).filter(({keyType}) => types.length === 0 || types.includes(keyType))
    return {json: listed.length === 0 ? {} : {keys: listed}}
  }

  function get(request: HttpRequest): HttpResponse {
    const {email} = find(request, 'iam.serviceAccountKeys.get')
    const {key, certificate} = keys.get(email, idOf(request))
    const {publicKey} = new X509Certificate(certificate)
    const forms: Readonly<Record<string, string>> = {
      TYPE_X509_PEM_FILE: certificate,
      TYPE_RAW_PUBLIC_KEY: publicKey.export({type: 'spki', format: 'pem'}).toString(),
    }
    const data = forms[request.url.searchParams.get('publicKeyType') ?? '']
    return {
      json: {...key, ...(data === undefined ? {} : {publicKeyData: Buffer.from(data).toString('base64')})},
    }
  }

  async function destroy(request: HttpRequest): Promise<HttpResponse> {
    const {email} = find(request, 'iam.serviceAccountKeys.delete')
    await keys.remove(email, idOf(request))
    return {json: {}}
  }

  async function setDisabled(request: HttpRequest): Promise<HttpResponse> {
    const {verb} = request.params
    const {email} = find(request, `iam.serviceAccountKeys.${verb}`)
    await keys.setDisabled(email, idOf(request), verb === 'disable')
    return {json: {}}
  }

  /** https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests */
  async function exchange(request: HttpRequest): Promise<HttpResponse> {
    // Google's client for Rust sends JSON.
    const isJson = /^application\/json\b/.test(request.headers['content-type'] ?? '')
    const sent = isJson
      ? await request.json()
      : Object.fromEntries(new URLSearchParams((await request.bytes()).toString('utf8')))
    if (sent['grant_type'] === 'refresh_token') {
      if (request.call.principal === 'owner') return {json: ownerTokens(tokens)}
      const description = `${request.call.principal} has no refresh token; only the owner of the local cloud has one.`
      return {status: 401, json: {error: 'unauthorized_client', error_description: description}}
    }
    const {assertion} = sent
    const read =
      sent['grant_type'] === JWT_BEARER && typeof assertion === 'string'
        ? keys.readToken(assertion)
        : undefined
    if (read === undefined) {
      const json = {error: 'invalid_grant', error_description: 'Invalid JWT Signature.'}
      return {status: 400, json}
    }
    const audience = read.claims['target_audience']
    if (typeof audience === 'string') return {json: {id_token: tokens.mint({email: read.email, audience})}}
    const {token, expiresInSeconds} = credentials.accessToken(read.email)
    return {json: {access_token: token, expires_in: expiresInSeconds, token_type: 'Bearer'}}
  }

  return [
    route('POST', path, create),
    route('GET', path, list),
    {
      method: 'POST',
      pattern:
        /^\/v1\/projects\/(?<project>[^/]+)\/serviceAccounts\/(?<account>[^/:]+)\/keys\/(?<key>[^/:]+):(?<verb>enable|disable)$/,
      handle: setDisabled,
    },
    route('GET', `${path}/:key`, get),
    route('DELETE', `${path}/:key`, destroy),
    ...['/token', '/o/oauth2/token', '/oauth2/v3/token', '/oauth2/v4/token'].map((each) =>
      route('POST', each, exchange),
    ),
    route('GET', '/robot/v1/metadata/x509/:account', ({params}) => ({
      json: keys.certificates(params['account'] ?? ''),
    })),
  ]
}

/**
 * Tokens of the person at the keyboard: any text identifies nobody, and so the port decides.
 * https://developers.google.com/identity/protocols/oauth2/web-server#offline
 */
function ownerTokens(tokens: IdTokens): object {
  return {
    access_token: 'local',
    expires_in: 3600,
    scope: 'openid https://www.googleapis.com/auth/cloud-platform',
    token_type: 'Bearer',
    id_token: tokens.mint({email: OWNER_EMAIL, audience: GCLOUD_CLIENT_ID}),
  }
}
