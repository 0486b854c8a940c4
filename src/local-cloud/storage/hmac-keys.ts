import {createHash, randomBytes} from 'node:crypto'
import {integer, type Row, text} from '../state/rows.ts'
import type {State} from '../state/state.ts'
import type {Clock} from '../wire/clock.ts'
import type {JsonObject} from '../wire/json.ts'
import {pageByKey} from '../wire/paging.ts'
import type {HttpRequest, HttpResponse} from '../wire/routes.ts'
import {conditionNotMet, invalid, missingParameter, StorageError} from './errors.ts'
import type {JsonRoute} from './json-routes.ts'
import type {Permissions} from './permissions.ts'
import {flag, pageSize} from './query.ts'

/** https://cloud.google.com/storage/docs/authentication/hmackeys: 61 characters, 40 of base64 (30 bytes). */
const ACCESS_ID_LENGTH = 61
const SECRET_BYTES = 30
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

export interface HmacKeys {
  /** Secret and account of a key that is active; `undefined` for any other id. */
  active(accessId: string): {secret: string; email: string} | undefined
  readonly routes: JsonRoute[]
}

/** HMAC keys of service accounts: https://cloud.google.com/storage/docs/json_api/v1/projects/hmacKeys */
export function createHmacKeys({
  state,
  clock,
  permissions,
}: {
  state: State
  clock: Clock
  permissions: Permissions
}): HmacKeys {
  const insert = state.database.prepare(
    "INSERT INTO storage_hmac_keys (access_id, project, email, secret, state, time_created, updated) VALUES (?, ?, ?, ?, 'ACTIVE', ?5, ?5)",
  )
  const select = state.database.prepare('SELECT * FROM storage_hmac_keys WHERE access_id = ?')
  const selectPage = state.database.prepare(
    "SELECT * FROM storage_hmac_keys WHERE project = ? AND access_id > ? AND (email = ?3 OR ?3 = '') AND (state <> 'DELETED' OR ?4) ORDER BY access_id LIMIT ?5",
  )
  const setState = state.database.prepare(
    'UPDATE storage_hmac_keys SET state = ?, updated = ? WHERE access_id = ?',
  )

  /** The key that a request names, if the caller has the permission. @throws StorageError 403, 404 */
  const find = ({params, call}: HttpRequest, permission: string): Row => {
    const {project = '', key = ''} = params
    permissions.requireOnProject(call.principal, permission, project)
    const row = select.get(key)
    if (row?.['project'] === project) return row
    throw new StorageError(404, 'notFound', `Access ID not found in project ${project}: ${key}`)
  }

  async function create({params, url, call}: HttpRequest): Promise<HttpResponse> {
    const {project = ''} = params
    permissions.requireOnProject(call.principal, 'storage.hmacKeys.create', project)
    const email = url.searchParams.get('serviceAccountEmail')
    if (email === null || email === '') throw missingParameter('serviceAccountEmail')
    const noise = Array.from(randomBytes(ACCESS_ID_LENGTH - 5), (byte) => BASE32[byte % BASE32.length])
    const accessId = `GOOG1${noise.join('')}`
    const secret = randomBytes(SECRET_BYTES).toString('base64')
    const row = await state.write(() => {
      insert.run(accessId, project, email, secret, clock.now())
      return select.get(accessId)
    })
    return {
      json: {
        kind: 'storage#hmacKey',
        secret,
        metadata: row === undefined ? {} : metadataOf(row, call.origin),
      },
    }
  }

  function list({params, url, call}: HttpRequest): HttpResponse {
    const {project = ''} = params
    permissions.requireOnProject(call.principal, 'storage.hmacKeys.list', project)
    const query = url.searchParams
    const size = pageSize(query)
    const email = query.get('serviceAccountEmail') ?? ''
    const withDeleted = flag(query, 'showDeletedKeys') ? 1 : 0
    const {items, next} = pageByKey(
      {pageSize: size, pageToken: query.get('pageToken') ?? ''},
      {usual: size, largest: size},
      (after, limit) => selectPage.all(project, after, email, withDeleted, limit),
      (row) => text(row, 'access_id'),
    )
    const keys = items.map((row) => metadataOf(row, call.origin))
    return {json: {kind: 'storage#hmacKeysMetadata', ...(keys.length === 0 ? {} : {items: keys}), ...next}}
  }

  const change = async (row: Row, next: string): Promise<Row> => {
    const id = text(row, 'access_id')
    return state.write(() => {
      setState.run(next, clock.now(), id)
      return select.get(id) ?? row
    })
  }

  async function update(request: HttpRequest): Promise<HttpResponse> {
    const row = find(request, 'storage.hmacKeys.update')
    const {state: wanted, etag} = await request.json()
    if (wanted !== 'ACTIVE' && wanted !== 'INACTIVE')
      throw invalid(`The state of an HMAC key is ACTIVE or INACTIVE, not ${JSON.stringify(wanted ?? '')}.`)
    if (row['state'] === 'DELETED') throw invalid('A deleted HMAC key cannot be changed.')
    if (typeof etag === 'string' && etag !== '' && etag !== etagOf(row)) throw conditionNotMet()
    return {json: metadataOf(await change(row, wanted), request.call.origin)}
  }

  async function remove(request: HttpRequest): Promise<HttpResponse> {
    const row = find(request, 'storage.hmacKeys.delete')
    if (row['state'] !== 'INACTIVE')
      throw invalid(`Cannot delete keys in '${text(row, 'state')}' state. Make the key INACTIVE first.`)
    await change(row, 'DELETED')
    return {status: 204}
  }

  return {
    active(accessId) {
      const row = select.get(accessId)
      return row?.['state'] === 'ACTIVE'
        ? {secret: text(row, 'secret'), email: text(row, 'email')}
        : undefined
    },
    routes: [
      ['POST', '/projects/:project/hmacKeys', create],
      ['GET', '/projects/:project/hmacKeys', list],
      [
        'GET',
        '/projects/:project/hmacKeys/:key',
        (request) => ({json: metadataOf(find(request, 'storage.hmacKeys.get'), request.call.origin)}),
      ],
      ['PUT', '/projects/:project/hmacKeys/:key', update],
      ['DELETE', '/projects/:project/hmacKeys/:key', remove],
    ],
  }
}

function etagOf(row: Row): string {
  return createHash('sha1')
    .update(`${text(row, 'access_id')} ${text(row, 'state')} ${integer(row, 'updated')}`)
    .digest('base64')
}

function metadataOf(row: Row, origin: string): JsonObject {
  const project = text(row, 'project')
  const accessId = text(row, 'access_id')
  return {
    kind: 'storage#hmacKeyMetadata',
    id: `${project}/${accessId}`,
    selfLink: `${origin}/storage/v1/projects/${project}/hmacKeys/${accessId}`,
    accessId,
    projectId: project,
    serviceAccountEmail: text(row, 'email'),
    state: text(row, 'state'),
    timeCreated: new Date(integer(row, 'time_created')).toISOString(),
    updated: new Date(integer(row, 'updated')).toISOString(),
    etag: etagOf(row),
  }
}
