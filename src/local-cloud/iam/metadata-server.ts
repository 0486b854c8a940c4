import {randomBytes} from 'node:crypto'
import {ApiError} from '../wire/api-error.ts'
import type {HttpRequest, HttpResponse, Route} from '../wire/routes.ts'
import type {Credentials, IdTokens} from './access.ts'

/** Whose metadata it is. */
export interface InstanceIdentity {
  readonly serviceAccount: string
  readonly project: string
  readonly projectNumber: string
  readonly region: string
}

const SCOPES = [
  'https://www.googleapis.com/auth/cloud-platform',
  'https://www.googleapis.com/auth/userinfo.email',
]
const ROOT = /^\/(?:computeMetadata\/?(?:v1\/?)?)?$/
const TREE = /^\/computeMetadata\/v1\/(?<path>.+?)\/?$/
const FLAVOR = {'metadata-flavor': 'Google', server: 'Metadata Server for Serverless'}

type Leaf = string | readonly string[] | (() => HttpResponse)
interface Tree {
  readonly [name: string]: Tree | Leaf
}

/**
 * The metadata server that instances ask for themselves and for tokens, with the paths of Cloud Run's
 * (https://cloud.google.com/run/docs/container-contract#metadata-server).
 */
export function metadataRoutes(
  {serviceAccount, project, projectNumber, region}: InstanceIdentity,
  {credentials, tokens}: {credentials: Credentials; tokens: Pick<IdTokens, 'mint'>},
): Route[] {
  const account = (url: URL): Tree => ({
    aliases: ['default'],
    email: serviceAccount,
    identity: () => {
      const audience = url.searchParams.get('audience') ?? ''
      if (audience === '') return text(400, 'non-empty audience parameter required')
      return text(200, tokens.mint({email: serviceAccount, audience}))
    },
    scopes: SCOPES,
    token: () => {
      const {token, expiresInSeconds} = credentials.accessToken(serviceAccount)
      return {json: {access_token: token, expires_in: expiresInSeconds - 1, token_type: 'Bearer'}}
    },
  })
  const id = randomBytes(64).toString('hex')
  const tree = (url: URL): Tree => ({
    instance: {
      id,
      region: `projects/${projectNumber}/regions/${region}`,
      'service-accounts': {default: account(url), [serviceAccount]: account(url)},
      zone: `projects/${projectNumber}/zones/${region}-1`,
    },
    project: {'numeric-project-id': projectNumber, 'project-id': project},
    universe: {'universe-domain': 'googleapis.com'},
  })

  const handle = ({headers, params, url}: HttpRequest): HttpResponse => {
    // https://cloud.google.com/compute/docs/metadata/querying-metadata#parts_of_a_request
    if (headers['metadata-flavor'] !== 'Google') return text(403, 'Missing Metadata-Flavor:Google header.')
    if (headers['x-forwarded-for'] !== undefined)
      return text(403, 'Requests with X-Forwarded-For are refused.')
    let found: Tree | Leaf | undefined = tree(url)
    for (const name of (params['path'] ?? '').split('/').filter((part) => part !== '')) {
      found = isTree(found) && Object.hasOwn(found, name) ? found[name] : undefined
    }
    if (found === undefined)
      return text(404, `The metadata server of the local cloud has no ${url.pathname}.`)
    return shown(found, url.searchParams)
  }
  const answer = (request: HttpRequest): HttpResponse => {
    const response = handle(request)
    return {...response, headers: {...response.headers, ...FLAVOR}}
  }
  const refused = (): never => {
    throw new ApiError('UNIMPLEMENTED', 'The metadata server of the local cloud accepts only GET.')
  }
  return [
    ...['GET', 'HEAD'].flatMap((method) =>
      [ROOT, TREE].map((pattern) => ({method, pattern, handle: answer})),
    ),
    {method: 'POST', pattern: TREE, handle: refused},
  ]
}

function shown(found: Tree | Leaf, query: URLSearchParams): HttpResponse {
  if (typeof found === 'function') return found()
  const asJson = query.get('alt') === 'json'
  if (!isTree(found)) {
    if (asJson)
      return {status: 200, headers: {'content-type': 'application/json'}, body: JSON.stringify(found)}
    return text(200, typeof found === 'string' ? found : `${found.join('\n')}\n`)
  }
  if (query.get('recursive')?.toLowerCase() === 'true') return {json: recursive(found)}
  const names = Object.entries(found).map(([name, entry]) => (isTree(entry) ? `${name}/` : name))
  return asJson ? {json: names} : text(200, `${names.join('\n')}\n`)
}

/** Everything below, names as JSON has them; values created on demand (tokens) are not in it. */
function recursive(tree: Tree): object {
  const entries = Object.entries(tree).flatMap(([name, entry]): [string, unknown][] => {
    if (typeof entry === 'function') return []
    return [[name.includes('@') ? name : camelCase(name), isTree(entry) ? recursive(entry) : entry]]
  })
  return Object.fromEntries(entries)
}

const camelCase = (name: string): string =>
  name.replaceAll(/-(?<letter>[a-z])/g, (_match, letter: string) => letter.toUpperCase())

function isTree(value: Tree | Leaf | undefined): value is Tree {
  return typeof value === 'object' && !Array.isArray(value)
}

function text(status: number, body: string): HttpResponse {
  return {status, headers: {'content-type': 'application/text'}, body}
}
