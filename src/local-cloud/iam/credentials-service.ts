import {ApiError} from '../wire/api-error.ts'
import type {Call, Principal} from '../wire/call.ts'
import type {Clock} from '../wire/clock.ts'
import {parseJsonObject} from '../wire/json.ts'
import type {RpcService} from '../wire/rpc.ts'
import type {AccountKeys, Credentials, IdTokens} from './access.ts'

/** signJwt: "the exp claim must be … no more than 12 hours in the future" (IAM Credentials API). */
const LONGEST_JWT_SECONDS = 12 * 3600
/** Without an organization's policy that allows more. */
const LONGEST_TOKEN_SECONDS = 3600

interface Request {
  readonly name?: string
  readonly delegates?: readonly string[]
}

interface Account {
  readonly name: string
  readonly uniqueId: string
  readonly email: string
}

/**
 * google.iam.credentials.v1.IAMCredentials: tokens and signatures of service accounts.
 * @param find an account by name, if the caller has the permission
 */
export function createCredentialsService({
  clock,
  tokens,
  credentials,
  keys,
  find,
}: {
  clock: Clock
  tokens: IdTokens
  credentials: Credentials
  keys: AccountKeys
  find: (name: string, principal: Principal, permission: string) => Account
}): RpcService {
  /** Each delegate acts for the one before it: https://cloud.google.com/iam/docs/create-short-lived-credentials-delegated */
  const permitted = ({name = '', delegates = []}: Request, call: Call, permission: string): Account => {
    let caller = call.principal
    for (const delegate of delegates)
      caller = `serviceAccount:${find(delegate, caller, 'iam.serviceAccounts.implicitDelegation').email}`
    return find(name, caller, `iam.serviceAccounts.${permission}`)
  }
  return {
    service: 'google.iam.credentials.v1.IAMCredentials',
    unary: {
      GenerateAccessToken(
        {scope = [], lifetime, ...request}: Request & {scope?: readonly string[]; lifetime?: string},
        call: Call,
      ) {
        const {email} = permitted(request, call, 'getAccessToken')
        if (scope.length === 0)
          throw new ApiError('INVALID_ARGUMENT', 'scope is required: a list of OAuth 2.0 scopes.')
        const seconds = lifetime === undefined ? LONGEST_TOKEN_SECONDS : Number.parseFloat(lifetime)
        if (seconds <= 0 || seconds > LONGEST_TOKEN_SECONDS)
          throw new ApiError('INVALID_ARGUMENT', `lifetime must be between 1s and ${LONGEST_TOKEN_SECONDS}s.`)
        const {token, expiresInSeconds} = credentials.accessToken(email, seconds)
        // google-auth for Python reads no fractions of a second.
        const end = Math.floor(clock.now() / 1000 + expiresInSeconds) * 1000
        return {accessToken: token, expireTime: new Date(end).toISOString().replace('.000Z', 'Z')}
      },
      GenerateIdToken({audience = '', ...request}: Request & {audience?: string}, call: Call) {
        const {email} = permitted(request, call, 'getOpenIdToken')
        if (audience === '')
          throw new ApiError('INVALID_ARGUMENT', 'audience is required: whom the token is for.')
        return {token: tokens.mint({email, audience})}
      },
      async SignBlob({payload, ...request}: Request & {payload?: string}, call: Call) {
        const account = permitted(request, call, 'signBlob')
        if (payload === undefined) throw new ApiError('INVALID_ARGUMENT', 'payload is required, in base64.')
        const {keyId, signature} = await keys.sign(account, () => Buffer.from(payload, 'base64'))
        return {keyId, signedBlob: signature.toString('base64')}
      },
      async SignJwt({payload = '', ...request}: Request & {payload?: string}, call: Call) {
        const account = permitted(request, call, 'signJwt')
        const claims = parseJsonObject(payload)
        if (claims === undefined)
          throw new ApiError(
            'INVALID_ARGUMENT',
            'payload is required: a JSON object with the claims, as text.',
          )
        const ends = Number(claims['exp'] ?? 0) - clock.now() / 1000
        if (ends > LONGEST_JWT_SECONDS)
          throw new ApiError('INVALID_ARGUMENT', 'The exp claim must be at most 12 hours in the future.')
        const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
        const {keyId, content, signature} = await keys.sign(account, (kid) =>
          Buffer.from(`${encode({alg: 'RS256', kid, typ: 'JWT'})}.${encode(claims)}`),
        )
        return {keyId, signedJwt: `${content.toString()}.${signature.toString('base64url')}`}
      },
    },
  }
}
