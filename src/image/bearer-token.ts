/** A registry's request, with status 401, for a token from another server (RFC 6750). */
export interface Challenge {
  readonly realm: string
  readonly service: string | undefined
  readonly scope: string | undefined
}

/** Parses `www-authenticate: Bearer realm="…",service="…",scope="…"`; `undefined` for any other scheme. */
export function readChallenge(header: string | null): Challenge | undefined {
  if (header === null || !/^bearer /i.test(header)) return undefined
  const parameters = Object.fromEntries(
    [...header.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name.toLowerCase(), value]),
  )
  const {realm, service, scope} = parameters
  return realm === undefined || !URL.canParse(realm) ? undefined : {realm, service, scope}
}

/**
 * Fetches an anonymous token, which registries require even for public images
 * (https://distribution.github.io/distribution/spec/auth/token/).
 * @returns the value of the `authorization` header; `undefined` if there is no token
 */
export async function fetchToken(
  {realm, service, scope}: Challenge,
  signal: AbortSignal,
): Promise<string | undefined> {
  const url = new URL(realm)
  if (service !== undefined) url.searchParams.set('service', service)
  if (scope !== undefined) url.searchParams.set('scope', scope)
  const response = await fetch(url, {signal})
  if (!response.ok) return undefined
  const answer: unknown = await response.json().catch(() => undefined)
  if (typeof answer !== 'object' || answer === null) return undefined
  const token = 'token' in answer ? answer.token : 'access_token' in answer ? answer.access_token : undefined
  return typeof token === 'string' ? `Bearer ${token}` : undefined
}
