import {generateKeyPairSync, sign, X509Certificate} from 'node:crypto'
import {stat} from 'node:fs/promises'
import {join} from 'node:path'
import {OAuth2Client} from 'google-auth-library'
import {describe, expect, test} from 'vitest'
import {createIdTokens} from '../../../src/local-cloud/iam/id-tokens.ts'
import {iamSchema} from '../../../src/local-cloud/iam/schema.ts'
import {openState} from '../../../src/local-cloud/state/open.ts'
import {systemClock} from '../../../src/local-cloud/wire/clock.ts'
import {ManualClock} from '../../support/manual-clock.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const EMAIL = 'push@p.iam.gserviceaccount.com'
const AUDIENCE = 'http://127.0.0.1:8080/'

describe('ID tokens', () => {
  test("pass the check of Google's own library, with the published keys", async () => {
    await using state = await openState({folder: await temporaryFolder(), schemas: [iamSchema]})
    const tokens = await createIdTokens({state, clock: systemClock})
    const ticket = await new OAuth2Client().verifySignedJwtWithCertsAsync(
      tokens.mint({email: EMAIL, audience: AUDIENCE}),
      tokens.certificates(),
      AUDIENCE,
      ['https://accounts.google.com'],
    )
    const [[kid, pem] = []] = Object.entries(tokens.certificates())
    const certificate = new X509Certificate(pem ?? '')
    expect(certificate.subject).toBe('CN=federated-signon.system.gserviceaccount.com')
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    expect(tokens.keys()).toMatchObject({keys: [{kid, ...certificate.publicKey.export({format: 'jwk'})}]})
    const payload = ticket.getPayload()
    expect(payload).toMatchObject({email: EMAIL, email_verified: true, aud: AUDIENCE, azp: payload?.sub})
    expect(payload?.sub).toMatch(/^\d{21}$/)
    expect((payload?.exp ?? 0) - (payload?.iat ?? 0)).toBe(3600)
  })

  test('are refused for another audience, when expired, when altered, and from another key', async () => {
    await using state = await openState({folder: await temporaryFolder(), schemas: [iamSchema]})
    const clock = new ManualClock()
    const tokens = await createIdTokens({state, clock})
    const token = tokens.mint({email: EMAIL, audience: AUDIENCE})
    expect(tokens.verify(token, ['other', AUDIENCE])).toEqual({email: EMAIL})
    expect(tokens.verify(token, ['other'])).toEqual({
      error: `issued for the audience ${AUDIENCE}, not for other`,
    })
    const [head, payload, signature] = token.split('.')
    const forged = Buffer.from(
      JSON.stringify({...JSON.parse(Buffer.from(payload ?? '', 'base64url').toString()), email: 'x@y.z'}),
    )
    expect(tokens.verify(`${head}.${forged.toString('base64url')}.${signature}`, [AUDIENCE])).toEqual({
      error: 'the signature does not match',
    })
    const {privateKey} = generateKeyPairSync('rsa', {modulusLength: 2048})
    const stranger = sign('sha256', Buffer.from(`${head}.${payload}`), privateKey).toString('base64url')
    expect(tokens.verify(`${head}.${payload}.${stranger}`, [AUDIENCE])).toHaveProperty('error')
    const unsigned = Buffer.from('{"alg":"none"}').toString('base64url')
    expect(tokens.verify(`${unsigned}.${payload}.`, [AUDIENCE])).toEqual({error: 'not signed with RS256'})
    expect(tokens.verify('abc', [AUDIENCE])).toEqual({error: 'not a JSON Web Token'})
    await clock.advance(3_600_000 + 301_000)
    expect(tokens.verify(token, [AUDIENCE])).toEqual({error: 'expired'})
  })

  test('keep their key over a restart, in a file that only the owner reads', async () => {
    const folder = await temporaryFolder()
    let token
    {
      await using state = await openState({folder, schemas: [iamSchema]})
      token = (await createIdTokens({state, clock: systemClock})).mint({email: EMAIL, audience: AUDIENCE})
    }
    await using state = await openState({folder, schemas: [iamSchema]})
    const tokens = await createIdTokens({state, clock: systemClock})
    expect(tokens.verify(token, [AUDIENCE])).toEqual({email: EMAIL})
    expect((await stat(join(folder, 'id-token-key.pem'))).mode & 0o777).toBe(0o600)
  })
})
