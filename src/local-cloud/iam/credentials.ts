import {ApiError} from '../wire/api-error.ts'
import type {Principal} from '../wire/call.ts'
import type {AccountKeys, Credentials, IdTokens} from './access.ts'

/** What access tokens of the local cloud begin with: Google's `ya29.`, and a part that none of Google's has. */
const PREFIX = 'ya29.local-cloud.'
/** The audience of access tokens, so that no ID token passes for one. */
const AUDIENCE = 'https://cloud-runner.dev/access-token'
const LIFETIME_SECONDS = 3600

/**
 * Access tokens that identify a service account on every port. They are signed with the key of ID tokens, so that
 * they outlive a restart; to their holder they are opaque. A JWT that an account signed with its own key is one, too
 * (https://google.aip.dev/auth/4111).
 */
export function createCredentials({
  tokens,
  keys,
}: {
  tokens: IdTokens
  keys: Pick<AccountKeys, 'readToken'>
}): Credentials {
  return {
    accessToken: (email, lifetimeSeconds = LIFETIME_SECONDS) => ({
      token: `${PREFIX}${tokens.mint({email, audience: AUDIENCE, lifetimeSeconds})}`,
      expiresInSeconds: lifetimeSeconds,
    }),
    principalOf(authorization) {
      const presented = tokenIn(authorization)
      if (presented === undefined) return undefined
      if (!presented.startsWith(PREFIX)) {
        // Signed here, but for a service to check; anything else is text that a tool had to send.
        if (tokens.signedHere(presented)) throw unauthenticated('an ID token is not an access token')
        const issuer = keys.readToken(presented)?.email
        return issuer === undefined ? undefined : `serviceAccount:${issuer}`
      }
      const verified = tokens.verify(presented.slice(PREFIX.length), [AUDIENCE])
      if ('error' in verified) throw unauthenticated(`the access token is invalid: ${verified.error}`)
      return `serviceAccount:${verified.email}` satisfies Principal
    },
  }
}

/** A bearer token, or the password of `oauth2accesstoken` as container tools send it. */
function tokenIn(authorization = ''): string | undefined {
  const {scheme = '', value = ''} = /^(?<scheme>\w+) +(?<value>\S+)$/.exec(authorization.trim())?.groups ?? {}
  if (scheme.toLowerCase() === 'bearer') return value
  if (scheme.toLowerCase() !== 'basic') return undefined
  return /^oauth2accesstoken:(?<token>.+)$/.exec(Buffer.from(value, 'base64').toString())?.groups?.['token']
}

function unauthenticated(why: string): ApiError {
  return new ApiError(
    'UNAUTHENTICATED',
    `Request had invalid authentication credentials (${why}). Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.`,
  )
}
