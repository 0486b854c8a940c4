import {createHash, createPrivateKey, createPublicKey, generateKeyPair, sign, verify} from 'node:crypto'
import type {KeyObject} from 'node:crypto'
import {join} from 'node:path'
import {promisify} from 'node:util'
import type {State} from '../state/state.ts'
import {readIfThere, writeWhole} from '../whole-file.ts'
import {selfSign, signerExtensions} from '../wire/certificate.ts'
import type {Clock} from '../wire/clock.ts'
import {type JsonObject, parseJsonObject} from '../wire/json.ts'
import type {IdTokens} from './access.ts'

const KEY_FILE = 'id-token-key.pem'
const ISSUER = 'https://accounts.google.com'
/** Whom Google's certificates of this kind name. */
const SIGNER = 'federated-signon.system.gserviceaccount.com'
const LIFETIME_SECONDS = 3600
/** Tokens whose signature was found right. */
const MOST_REMEMBERED = 100
/** Google's libraries forgive clocks this much (google-auth-library CLOCK_SKEW_SECS_). */
const CLOCK_SKEW_SECONDS = 300

/** The signing key of this state folder, created at the first start; its file is the owner's alone. */
async function loadKey(folder: string): Promise<KeyObject> {
  const path = join(folder, KEY_FILE)
  const kept = await readIfThere(path)
  if (kept !== undefined) return createPrivateKey(kept)
  const {privateKey} = await promisify(generateKeyPair)('rsa', {modulusLength: 2048})
  await writeWhole(path, privateKey.export({type: 'pkcs8', format: 'pem'}).toString())
  return privateKey
}

/** The unique id that goes with an email of which no account is known (service agents). */
function derivedSubject(email: string): string {
  return `1${createHash('sha256').update(`subject:${email}`).digest().readBigUInt64BE().toString().padStart(20, '0')}`
}

function decode(part = ''): JsonObject | undefined {
  return parseJsonObject(Buffer.from(part, 'base64url').toString())
}

/**
 * ID tokens with the claims of https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions#jwt_format,
 * signed by a key of our own that lives in the state folder.
 */
export async function createIdTokens({state, clock}: {state: State; clock: Clock}): Promise<IdTokens> {
  const privateKey = await loadKey(state.folder)
  const publicKey = createPublicKey(privateKey)
  const jwk = publicKey.export({format: 'jwk'})
  const certificate = selfSign(
    {publicKey, privateKey},
    {name: SIGNER, now: clock.now(), extensions: signerExtensions()},
  )
  const kid = createHash('sha256')
    .update(publicKey.export({type: 'spki', format: 'der'}))
    .digest('hex')
    .slice(0, 40)
  const header = Buffer.from(JSON.stringify({alg: 'RS256', kid, typ: 'JWT'})).toString('base64url')
  const selectSubject = state.database.prepare('SELECT unique_id FROM iam_service_accounts WHERE email = ?')

  function subjectOf(email: string): string {
    const id = selectSubject.get(email)?.['unique_id']
    return typeof id === 'string' ? id : derivedSubject(email)
  }

  const signed = new Set<string>()
  /** A caller sends the same token for an hour, and a signature takes as long to check as a small request. */
  const isSigned = (token: string): boolean => {
    if (signed.has(token)) return true
    const [head, payload, signature = ''] = token.split('.')
    const content = Buffer.from(`${head}.${payload}`)
    if (!verify('sha256', content, publicKey, Buffer.from(signature, 'base64url'))) return false
    if (signed.size >= MOST_REMEMBERED) signed.clear()
    signed.add(token)
    return true
  }

  return {
    mint({email, audience, lifetimeSeconds = LIFETIME_SECONDS}) {
      const subject = subjectOf(email)
      const issuedAt = Math.floor(clock.now() / 1000)
      const claims = {
        aud: audience,
        azp: subject,
        email,
        email_verified: true,
        exp: issuedAt + Math.floor(lifetimeSeconds),
        iat: issuedAt,
        iss: ISSUER,
        sub: subject,
      }
      const content = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
      return `${content}.${sign('sha256', Buffer.from(content), privateKey).toString('base64url')}`
    },
    verify(token, audiences) {
      const [head, payload, signature, ...rest] = token.split('.')
      if (signature === undefined || rest.length > 0) return {error: 'not a JSON Web Token'}
      const fields = decode(head)
      if (fields?.['alg'] !== 'RS256') return {error: 'not signed with RS256'}
      if (fields['kid'] !== kid) return {error: 'signed with a key that is not published here'}
      if (!isSigned(token)) return {error: 'the signature does not match'}
      const {iss, exp, aud, email} = decode(payload) ?? {}
      // A future time of issue is accepted: this machine's clock may have been set back.
      const now = clock.now() / 1000
      if (iss !== ISSUER) return {error: `issued by ${String(iss)} instead of ${ISSUER}`}
      if (typeof exp !== 'number' || exp + CLOCK_SKEW_SECONDS < now) return {error: 'expired'}
      if (typeof aud !== 'string' || !audiences.includes(aud))
        return {error: `issued for the audience ${String(aud)}, not for ${audiences.join(' or ')}`}
      return typeof email === 'string' ? {email} : {error: 'no email in it'}
    },
    signedHere: isSigned,
    certificates: () => ({[kid]: certificate}),
    keys: () => ({keys: [{...jwk, kid, alg: 'RS256', use: 'sig'}]}),
  }
}
