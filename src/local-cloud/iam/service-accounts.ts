import {randomBytes, randomInt} from 'node:crypto'
import {type Row, storedJson} from '../state/rows.ts'
import type {State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Principal} from '../wire/call.ts'
import type {Clock} from '../wire/clock.ts'
import {applyFieldMask, parseFieldMask} from '../wire/field-mask.ts'
import {isJsonObject, type JsonObject} from '../wire/json.ts'
import {pageByKey, pageRequestOf} from '../wire/paging.ts'
import {type HttpRequest, type HttpResponse, route, type Route} from '../wire/routes.ts'
import type {RpcService} from '../wire/rpc.ts'
import type {AccessControl, AccountKeys, Credentials, IdTokens} from './access.ts'
import {createCredentialsService} from './credentials-service.ts'
import {keyRoutes} from './key-routes.ts'
import {policyMethods, policyRoutes} from './policy-methods.ts'

/** https://cloud.google.com/iam/docs/service-accounts-create: 6 to 30 characters. */
const ACCOUNT_ID = /^[a-z](?=.{5,29}$)(?:[-a-z0-9]*[a-z0-9])$/
const PROJECT_ID = /^[a-z](?:[-a-z0-9:.]*[a-z0-9])$/
/** Bytes of UTF-8. */
const LONGEST_DISPLAY_NAME = 100
const LONGEST_DESCRIPTION = 256
const SETTABLE = new Set(['displayName', 'description'])
const PAGES = {usual: 20, largest: 100}

/** A google.iam.admin.v1.ServiceAccount in JSON. */
interface ServiceAccount {
  name: string
  projectId: string
  uniqueId: string
  email: string
  displayName?: string
  description?: string
  etag: string
  oauth2ClientId: string
  disabled?: boolean
}

function asObject(value: unknown = {}, where: string): JsonObject {
  if (isJsonObject(value)) return value
  throw new ApiError('INVALID_ARGUMENT', `Invalid value at '${where}': it must be an object.`)
}

/** What a caller may set of an account. @throws ApiError INVALID_ARGUMENT */
function settableFields(fields: Record<string, unknown>): {displayName?: string; description?: string} {
  const {displayName, description} = fields
  if (displayName !== undefined) {
    if (typeof displayName !== 'string' || Buffer.byteLength(displayName) > LONGEST_DISPLAY_NAME)
      throw new ApiError(
        'INVALID_ARGUMENT',
        `displayName must be text of at most ${LONGEST_DISPLAY_NAME} bytes.`,
      )
  }
  if (description !== undefined) {
    if (typeof description !== 'string' || Buffer.byteLength(description) > LONGEST_DESCRIPTION)
      throw new ApiError(
        'INVALID_ARGUMENT',
        `description must be text of at most ${LONGEST_DESCRIPTION} bytes.`,
      )
  }
  return {
    ...(displayName === undefined ? {} : {displayName}),
    ...(description === undefined ? {} : {description}),
  }
}

function accountOf(row: Row): ServiceAccount {
  return storedJson<ServiceAccount>(row, 'account', 'name', 'email', 'uniqueId')
}

function newEtag(): string {
  return randomBytes(8).toString('base64')
}

/**
 * The service accounts of the IAM API (https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts)
 * their keys, and the IAM Credentials API.
 */
export function createServiceAccounts({
  state,
  access,
  tokens,
  credentials,
  keys,
  clock,
}: {
  state: State
  clock: Clock
  access: AccessControl
  tokens: IdTokens
  credentials: Credentials
  keys: AccountKeys
}): {routes: Route[]; services: RpcService[]} {
  const select = state.database.prepare(
    'SELECT account FROM iam_service_accounts WHERE (email = ?1 OR unique_id = ?1) AND (project = ?2 OR ?2 = ?3)',
  )
  const selectPage = state.database.prepare(
    'SELECT account FROM iam_service_accounts WHERE project = ? AND email > ? ORDER BY email LIMIT ?',
  )
  const insert = state.database.prepare(
    'INSERT INTO iam_service_accounts (email, project, unique_id, account) VALUES (?, ?, ?, ?)',
  )
  const replace = state.database.prepare('UPDATE iam_service_accounts SET account = ? WHERE email = ?')
  const remove = state.database.prepare('DELETE FROM iam_service_accounts WHERE email = ?')

  /** @param name with the account's email or unique id, and its project or `-` */
  function accountBy(name: string): ServiceAccount | undefined {
    const [, project = '', , account = ''] = name.split('/')
    const row = select.get(account, project, '-')
    return row && accountOf(row)
  }

  /** @throws ApiError NOT_FOUND */
  function existing(name: string): ServiceAccount {
    const found = accountBy(name)
    if (found === undefined) throw new ApiError('NOT_FOUND', `Service account ${name} does not exist.`)
    return found
  }

  /** Permission first, then existence: a caller without permission does not learn what exists. */
  function permitted(name: string, principal: Principal, permission: string): ServiceAccount {
    access.require(principal, permission, accountBy(name)?.name ?? name)
    return existing(name)
  }
  const find = ({params, call}: HttpRequest, permission: string): ServiceAccount =>
    permitted(
      `projects/${params['project']}/serviceAccounts/${params['account']}`,
      call.principal,
      permission,
    )

  async function create({params, call, json}: HttpRequest): Promise<HttpResponse> {
    const project = params['project'] ?? ''
    if (!PROJECT_ID.test(project)) throw new ApiError('INVALID_ARGUMENT', `Invalid project id "${project}".`)
    access.require(call.principal, 'iam.serviceAccounts.create', `projects/${project}`)
    const {accountId, serviceAccount} = await json()
    if (typeof accountId !== 'string' || !ACCOUNT_ID.test(accountId))
      throw new ApiError(
        'INVALID_ARGUMENT',
        `Invalid account id ${JSON.stringify(accountId ?? '')}: 6 to 30 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen.`,
      )
    const fields = settableFields(asObject(serviceAccount, 'serviceAccount'))
    const email = `${accountId}@${project}.iam.gserviceaccount.com`
    const uniqueId = `1${String(randomInt(2 ** 47)).padStart(20, '0')}`
    const account: ServiceAccount = {
      name: `projects/${project}/serviceAccounts/${email}`,
      projectId: project,
      uniqueId,
      email,
      ...fields,
      etag: newEtag(),
      oauth2ClientId: uniqueId,
    }
    await state.write(() => {
      if (select.get(email, project, '-') !== undefined)
        throw new ApiError(
          'ALREADY_EXISTS',
          `Service account ${accountId} already exists within project projects/${project}.`,
        )
      insert.run(email, project, uniqueId, JSON.stringify(account))
    })
    return {json: account}
  }

  function list({params, call, url}: HttpRequest): HttpResponse {
    const project = params['project'] ?? ''
    access.require(call.principal, 'iam.serviceAccounts.list', `projects/${project}`)
    const {items, next} = pageByKey(
      pageRequestOf(url.searchParams),
      PAGES,
      (after, limit) => selectPage.all(project, after, limit).map(accountOf),
      ({email}) => email,
    )
    return {json: {accounts: items, ...next}}
  }

  async function save(account: ServiceAccount): Promise<HttpResponse> {
    await state.write(() => {
      existing(account.name)
      replace.run(JSON.stringify(account), account.email)
    })
    return {json: account}
  }

  async function patch(request: HttpRequest): Promise<HttpResponse> {
    const current = find(request, 'iam.serviceAccounts.update')
    const {serviceAccount, updateMask} = await request.json()
    const paths = parseFieldMask(typeof updateMask === 'string' ? updateMask : '', SETTABLE)
    const {displayName, description, ...rest} = current
    const changed = applyFieldMask(
      {displayName, description},
      asObject(serviceAccount, 'serviceAccount'),
      paths,
    )
    return save({...rest, ...settableFields(changed), etag: newEtag()})
  }

  /** The older update: the whole account, of which only the display name and the description can change. */
  async function update(request: HttpRequest): Promise<HttpResponse> {
    const current = find(request, 'iam.serviceAccounts.update')
    const body = await request.json()
    if (typeof body['etag'] === 'string' && body['etag'] !== current.etag)
      throw new ApiError(
        'ABORTED',
        'There were concurrent changes of the service account. Read it and try again.',
      )
    return save({...current, ...settableFields(body), etag: newEtag()})
  }

  async function setDisabled(request: HttpRequest): Promise<HttpResponse> {
    const {verb} = request.params
    const {disabled: _was, ...account} = find(request, `iam.serviceAccounts.${verb}`)
    await save({...account, ...(verb === 'disable' ? {disabled: true} : {}), etag: newEtag()})
    return {json: {}}
  }

  async function destroy(request: HttpRequest): Promise<HttpResponse> {
    const account = find(request, 'iam.serviceAccounts.delete')
    await state.write(() => {
      remove.run(account.email)
      keys.dropAccount(account.email)
      access.dropPolicy(account.name)
      access.dropAccount(account.email, account.uniqueId)
    })
    return {json: {}}
  }

  const accounts = '/v1/projects/:project/serviceAccounts'
  return {
    services: [createCredentialsService({clock, tokens, credentials, keys, find: permitted})],
    routes: [
      ...keyRoutes({keys, tokens, credentials, find}),
      route('POST', accounts, create),
      route('GET', accounts, list),
      ...policyRoutes(
        'projects/:project/serviceAccounts/:account',
        policyMethods(access, () => 'iam.serviceAccounts', existing),
        {getMethod: 'POST', resourceOf: (name) => accountBy(name)?.name ?? name},
      ),
      {
        method: 'POST',
        pattern:
          /^\/v1\/projects\/(?<project>[^/]+)\/serviceAccounts\/(?<account>[^/:]+):(?<verb>enable|disable)$/,
        handle: setDisabled,
      },
      route('GET', `${accounts}/:account`, (request) => ({json: find(request, 'iam.serviceAccounts.get')})),
      route('PATCH', `${accounts}/:account`, patch),
      route('PUT', `${accounts}/:account`, update),
      route('DELETE', `${accounts}/:account`, destroy),
    ],
  }
}
