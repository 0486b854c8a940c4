import {route, type Route} from '../wire/routes.ts'
import type {IdTokens} from './access.ts'

/** The keys that ID tokens are signed with, where Google publishes its own: as a JSON Web Key Set, and as certificates by key id. */
export function certificateRoutes(tokens: Pick<IdTokens, 'keys' | 'certificates'>): Route[] {
  const headers = {'cache-control': 'public, max-age=3600, must-revalidate'}
  return [
    route('GET', '/oauth2/v3/certs', () => ({headers, json: tokens.keys()})),
    route('GET', '/oauth2/v1/certs', () => ({headers, json: tokens.certificates()})),
  ]
}
