import type {AccessControl, IdTokens} from '../../iam/access.ts'
import {GCLOUD_CLIENT_ID, OWNER_EMAIL} from '../../iam/owner.ts'
import {ApiError} from '../../wire/api-error.ts'
import type {Principal} from '../../wire/call.ts'

/** Why a request does not reach the container. */
export interface Refusal {
  readonly status: 401 | 403
  readonly headers: Readonly<Record<string, string>>
  /** For the caller. */
  readonly text: string
  /** For the service's log. */
  readonly reason: string
}

export interface GateOptions {
  readonly access: AccessControl
  readonly tokens: Pick<IdTokens, 'verify'>
}

const PERMISSION = 'run.routes.invoke'

/**
 * Decides like Cloud Run's front end whether a caller may invoke a service: with an ID token for the service's address or
 * one of its custom audiences, of an account that has `run.routes.invoke`; or if `allUsers` has it.
 */
export function checkInvoker(
  {access, tokens}: GateOptions,
  service: string,
  authorization: string | undefined,
  audiences: readonly string[],
): Refusal | undefined {
  if (access.allows('allUsers', PERMISSION, service)) return undefined
  const token = /^Bearer (?<token>\S+)$/i.exec(authorization ?? '')?.groups?.['token']
  if (token === undefined) {
    const refused = refusalOf(() => access.require('allUsers', PERMISSION, service))
    return (
      refused &&
      forbidden(
        'The request was not authenticated. Either allow unauthenticated invocations or set the proper Authorization header.',
      )
    )
  }
  const verified = tokens.verify(token, [...audiences, GCLOUD_CLIENT_ID])
  if ('error' in verified) {
    return {
      status: 401,
      headers: {
        'www-authenticate':
          'Bearer error="invalid_token" error_description="The access token could not be verified"',
      },
      text: 'Your client does not have permission to the requested URL.',
      reason: `The request was not authenticated: the ID token is not valid (${verified.error}).`,
    }
  }
  const caller: Principal = verified.email === OWNER_EMAIL ? 'owner' : `serviceAccount:${verified.email}`
  const refusal = refusalOf(() => access.require(caller, PERMISSION, service))
  return refusal && forbidden(`The request was not authorized to invoke this service: ${refusal.message}`)
}

function refusalOf(check: () => void): ApiError | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    if (error instanceof ApiError) return error
    throw error
  }
}

function forbidden(reason: string): Refusal {
  return {
    status: 403,
    headers: {},
    text: 'Your client does not have permission to get the requested URL from this server.',
    reason,
  }
}

/** Containers see who called but cannot reuse the token, as on Cloud Run. */
export function withoutSignature(authorization: string): string {
  return authorization.replace(
    /^(?<kept>Bearer [^.\s]+\.[^.\s]+\.)[^.\s]+$/i,
    '$<kept>SIGNATURE_REMOVED_BY_GOOGLE',
  )
}
