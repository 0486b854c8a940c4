import {request} from 'node:http'
import type {Environment} from '../settings.ts'
import {Retries} from './retry.ts'

/** What a worker does in Cloud Storage and Cloud Run. */
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'
const METADATA_PATH = '/computeMetadata/v1/instance/service-accounts/default/token'
/** A token is renewed so long before its end; the metadata server has the next one then. */
const RENEWAL_MS = 4 * 60_000
const ANSWER_MS = 10_000
const MOST_RETRIES = 3

/** Gives an access token of the service account that the worker runs as. */
export type AccessToken = () => Promise<string>

/**
 * Application Default Credentials: on Cloud Run those of the instance, asked for at its metadata server; elsewhere, or
 * where GOOGLE_APPLICATION_CREDENTIALS names some, by Google's library, which is loaded only then.
 */
export function accessTokens(environment: Environment): AccessToken {
  const isOnCloudRun = environment['K_SERVICE'] !== undefined || environment['CLOUD_RUN_JOB'] !== undefined
  if (isOnCloudRun && environment['GOOGLE_APPLICATION_CREDENTIALS'] === undefined) {
    return instanceTokens(environment['GCE_METADATA_HOST'] ?? 'metadata.google.internal')
  }
  return async () => {
    const {GoogleAuth} = await import('google-auth-library')
    const token = await new GoogleAuth({scopes: [SCOPE]}).getAccessToken()
    if (!token) throw new Error('Application Default Credentials gave no access token.')
    return token
  }
}

/** https://cloud.google.com/run/docs/container-contract#metadata-server */
function instanceTokens(host: string): AccessToken {
  let token: Promise<{text: string; renewAt: number}> | undefined
  const renew = (): Promise<{text: string; renewAt: number}> => {
    token = new Retries(MOST_RETRIES).run(() => askMetadataServer(host))
    // What failed is asked for again by the next.
    token.catch(() => (token = undefined))
    return token
  }
  return async () => {
    const known = await (token ?? renew())
    return known.renewAt > Date.now() ? known.text : (await renew()).text
  }
}

async function askMetadataServer(host: string): Promise<{text: string; renewAt: number}> {
  const {promise, resolve, reject} = Promise.withResolvers<string>()
  const asked = request(`http://${host}${METADATA_PATH}`, {headers: {'metadata-flavor': 'Google'}})
  asked.setTimeout(ANSWER_MS, () => asked.destroy(new Error('The metadata server does not answer.')))
  asked.on('error', reject).on('response', (response) => {
    let text = ''
    response.setEncoding('utf8').on('error', reject)
    response.on('data', (part: string) => (text += part))
    response.on('end', () => {
      if (response.statusCode === 200) resolve(text)
      else reject(new Error(`The metadata server gave no access token: HTTP ${response.statusCode}.`))
    })
  })
  asked.end()
  const answer: unknown = JSON.parse(await promise)
  const {access_token: text, expires_in: seconds}: {access_token?: unknown; expires_in?: unknown} =
    Object(answer)
  if (typeof text !== 'string') throw new Error('The metadata server gave no access token.')
  return {text, renewAt: Date.now() + Number(seconds ?? 0) * 1000 - RENEWAL_MS}
}
