import type {GoogleAuth} from 'google-auth-library'
import {request} from '../node-http.ts'
import type {Environment} from '../settings.ts'
import {type Patience, Retries} from './retry.ts'

/** Covers what a worker does in Cloud Storage and Cloud Run. */
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'
const METADATA_PATH = '/computeMetadata/v1/instance/service-accounts/default/token'
/** Tokens are renewed this long before they expire; the metadata server has the next one by then. */
const RENEWAL_MS = 4 * 60_000
/** A token must still be valid when its request arrives. */
const LAST_USE_MS = 10_000
const ANSWER_MS = 10_000
const MOST_RETRIES = 3

/** Returns an access token for the worker's service account. */
export type AccessToken = () => Promise<string>

/**
 * Application Default Credentials: on Cloud Run the instance's, from its metadata server; elsewhere, or if
 * GOOGLE_APPLICATION_CREDENTIALS is set, through Google's library, which is loaded only then.
 */
export function accessTokens(environment: Environment, wait?: Patience['wait']): AccessToken {
  const isOnCloudRun = environment['K_SERVICE'] !== undefined || environment['CLOUD_RUN_JOB'] !== undefined
  if (isOnCloudRun && environment['GOOGLE_APPLICATION_CREDENTIALS'] === undefined) {
    return instanceTokens(environment['GCE_METADATA_HOST'] ?? 'metadata.google.internal', wait)
  }
  let auth: Promise<GoogleAuth> | undefined
  const load = async (): Promise<GoogleAuth> => {
    const library = await import('google-auth-library')
    return new library.GoogleAuth({scopes: [SCOPE]})
  }
  return async () => {
    // The library caches the token until it expires.
    const token = await (await (auth ??= load())).getAccessToken()
    if (!token) throw new Error('Application Default Credentials gave no access token.')
    return token
  }
}

interface Token {
  readonly text: string
  /** Milliseconds since 1970. */
  readonly endsAt: number
}

/** https://cloud.google.com/run/docs/container-contract#metadata-server */
function instanceTokens(host: string, wait: Patience['wait']): AccessToken {
  let known: Token | undefined
  let renewal: Promise<Token> | undefined
  const renew = async (): Promise<Token> => {
    try {
      known = await new Retries(MOST_RETRIES, wait).run(() => requestToken(host))
      return known
    } finally {
      renewal = undefined
    }
  }
  return async () => {
    if (known !== undefined && known.endsAt - RENEWAL_MS > Date.now()) return known.text
    try {
      return (await (renewal ??= renew())).text
    } catch (error) {
      if (known !== undefined && known.endsAt - LAST_USE_MS > Date.now()) return known.text
      throw error
    }
  }
}

async function requestToken(host: string): Promise<Token> {
  const {promise, resolve, reject} = Promise.withResolvers<string>()
  const sent = request(`http://${host}${METADATA_PATH}`, {headers: {'metadata-flavor': 'Google'}})
  sent.setTimeout(ANSWER_MS, () => sent.destroy(new Error('The metadata server does not respond.')))
  sent.on('error', reject).on('response', (response) => {
    let text = ''
    response.setEncoding('utf8').on('error', reject)
    response.on('data', (part: string) => (text += part))
    response.on('end', () => {
      if (response.statusCode === 200) resolve(text)
      else reject(new Error(`The metadata server gave no access token: HTTP ${response.statusCode}.`))
    })
  })
  sent.end()
  const answer: unknown = JSON.parse(await promise)
  const {access_token: text, expires_in: seconds}: {access_token?: unknown; expires_in?: unknown} =
    Object(answer)
  if (typeof text !== 'string') throw new Error('The metadata server gave no access token.')
  return {text, endsAt: Date.now() + Number(seconds ?? 0) * 1000}
}
