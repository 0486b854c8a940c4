import {randomBytes} from 'node:crypto'
import {RowCache} from '../state/row-cache.ts'
import {storedJson} from '../state/rows.ts'
import type {State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Principal} from '../wire/call.ts'
import type {Clock} from '../wire/clock.ts'
import type {PermissionCheck} from '../wire/request-log.ts'
import type {AccessControl, Binding, Denial, KnownAccounts, Policy, ResourceContext} from './access.ts'
import type {IamMode} from './enforcement.ts'
import {holds} from './conditions.ts'
import {normalizeBindings, parsePolicy} from './policy.ts'
import {roleHas, smallestRole} from './roles.ts'

/** The etag of a policy that was never set, as Google shows it. */
const INITIAL_ETAG = 'ACAB'
const DENIALS_KEPT = 200
/** Members that include callers whom nobody named. */
const PUBLIC = new Set(['allUsers', 'allAuthenticatedUsers'])
const ACT_AS = 'iam.serviceAccounts.actAs'

const BUCKETS = 'projects/_/buckets/'

/** Whose policy a resource has. */
function holderOf(resource: string): string {
  if (!resource.startsWith(BUCKETS)) return resource
  const end = resource.indexOf('/', BUCKETS.length)
  const isWithin = ['/objects/', '/managedFolders/'].some((kind) => resource.startsWith(kind, end))
  return isWithin ? resource.slice(0, end) : resource
}

/** The managed folders that an object or a managed folder is in, itself included: their policies count as well. */
function managedFoldersOf(resource: string): string[] {
  const bucket = holderOf(resource)
  if (bucket === resource) return []
  const path = resource.slice(bucket.length).replace(/^\/\w+\//, '')
  return [...path.matchAll(/\//g)].map(({index}) => `${bucket}/managedFolders/${path.slice(0, index + 1)}`)
}

/** `projects/P` of a resource that names its project; buckets do not. */
function projectOf(resource: string): string | undefined {
  const project = /^projects\/(?<project>[^/]+)\//.exec(resource)?.groups?.['project']
  return project === undefined || project === '_' ? undefined : `projects/${project}`
}

/** What members such as `projectEditor:P` mean; on Google, buckets have them from the start. */
const CONVENIENCE_MEMBER = /^project(?<role>Owner|Editor|Viewer):(?<project>.+)$/

/** An account as the last segment of its resource name. */
const ACCOUNT_RESOURCE = /^projects\/[^/]+\/serviceAccounts\/(?<email>[^/]+@[^/]+)$/

/**
 * Policies that are kept in the state and enforced: a principal has what its roles on the resource and on the
 * resource's project hold.
 * @param checked receives each decision
 */
export function createAccess({
  state,
  clock,
  accounts,
  mode = () => 'enforce',
  checked = () => {},
}: {
  state: State
  clock: Clock
  accounts: KnownAccounts
  mode?: () => IamMode
  checked?: (check: PermissionCheck) => void
}): AccessControl {
  const selectPolicy = state.database.prepare('SELECT policy FROM iam_policies WHERE resource = ?')
  const selectNaming = state.database.prepare('SELECT resource FROM iam_policies WHERE instr(policy, ?) > 0')
  const upsertPolicy = state.database.prepare(
    'INSERT INTO iam_policies (resource, policy) VALUES (?, ?) ON CONFLICT (resource) DO UPDATE SET policy = excluded.policy',
  )
  const deletePolicy = state.database.prepare('DELETE FROM iam_policies WHERE resource = ?')
  const denied: Denial[] = []

  const policies = new RowCache<Policy>(state.database, (resource) => {
    const row = selectPolicy.get(resource)
    return row === undefined ? {etag: INITIAL_ETAG} : parsePolicy(storedJson(row, 'policy'))
  })
  const getPolicy = (resource: string): Policy => policies.get(resource) ?? {etag: INITIAL_ETAG}

  function matches(member: string, principal: Principal): boolean {
    if (member === 'allUsers' || member === principal) return true
    if (member === 'allAuthenticatedUsers') return principal !== 'allUsers'
    const {role, project} = CONVENIENCE_MEMBER.exec(member)?.groups ?? {}
    if (role === undefined) return false
    const holders = (getPolicy(`projects/${project}`).bindings ?? []).find(
      (binding) => binding.role === `roles/${role.toLowerCase()}`,
    )
    return holders?.members.includes(principal) ?? false
  }

  function grants(
    policy: Policy,
    principal: Principal,
    permission: string,
    {resource, preventsPublicAccess}: {resource: string; preventsPublicAccess: boolean},
  ): boolean {
    return (policy.bindings ?? []).some(
      ({role, members, condition}) =>
        roleHas(role, permission) &&
        members.some(
          (member) => !(preventsPublicAccess && PUBLIC.has(member)) && matches(member, principal),
        ) &&
        (condition === undefined || holds(condition, {resource, now: clock.now()})),
    )
  }

  /** The email of a service account that is disabled. */
  function disabledAccount(principal: Principal): string | undefined {
    const email = /^serviceAccount:(?<email>.+)$/.exec(principal)?.groups?.['email']
    return email !== undefined && accounts.isDisabled(email) ? email : undefined
  }

  function allows(
    principal: Principal,
    permission: string,
    resource: string,
    context: ResourceContext = {},
  ): boolean {
    if (principal === 'owner' || mode() === 'off') return true
    const {project = projectOf(resource), preventsPublicAccess = false} = context
    if (disabledAccount(principal) !== undefined) return false
    const isGranted = (holder: string): boolean =>
      grants(getPolicy(holder), principal, permission, {resource, preventsPublicAccess})
    if (isGranted(holderOf(resource)) || managedFoldersOf(resource).some(isGranted)) return true
    return project !== undefined && isGranted(project)
  }

  function remember(denial: Omit<Denial, 'time' | 'count'>): void {
    const at = denied.findIndex(
      ({principal, permission, resource}) =>
        principal === denial.principal && permission === denial.permission && resource === denial.resource,
    )
    const [before] = at === -1 ? [] : denied.splice(at, 1)
    denied.unshift({time: new Date(clock.now()).toISOString(), ...denial, count: (before?.count ?? 0) + 1})
    denied.length = Math.min(denied.length, DENIALS_KEPT)
  }

  /** New members of a policy must exist; existing ones may have been deleted since. */
  function checkAccounts(bindings: readonly Binding[], current: Policy): void {
    const present = new Set((current.bindings ?? []).flatMap(({members}) => members))
    for (const member of bindings.flatMap(({members}) => members)) {
      const email = /^serviceAccount:(?<email>.+)$/.exec(member)?.groups?.['email']
      if (email !== undefined && !present.has(member) && !accounts.exists(email))
        throw new ApiError('INVALID_ARGUMENT', `Service account ${email} does not exist.`)
    }
  }

  function save(resource: string, bindings: readonly Binding[]): Policy {
    const version = bindings.some(({condition}) => condition !== undefined) ? 3 : 1
    const next: Policy = {version, etag: randomBytes(8).toString('base64'), bindings: [...bindings]}
    policies.clear()
    upsertPolicy.run(resource, JSON.stringify(next))
    return next
  }

  return {
    allows,
    getPolicy,
    require(principal, permission, on, context) {
      const resource = holderOf(on)
      if (permission === ACT_AS) requireAccount(accounts, resource)
      const asked = {principal, permission, resource}
      if (allows(principal, permission, on, context)) {
        checked({...asked, decision: 'allowed'})
        return
      }
      const disabled = disabledAccount(principal)
      const role = disabled === undefined ? smallestRole(permission, resource) : undefined
      const missing = {...asked, ...(role === undefined ? {} : {role})}
      const isServed = mode() === 'audit'
      remember(missing)
      checked({...missing, decision: isServed ? 'missing' : 'denied'})
      if (isServed) return
      if (disabled !== undefined) {
        throw new ApiError(
          'UNAUTHENTICATED',
          `The service account ${disabled} is disabled. Enable it: gcloud iam service-accounts enable ${disabled}`,
          [
            {
              '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
              reason: 'ACCOUNT_STATE_INVALID',
              domain: 'googleapis.com',
              metadata: {email: disabled},
            },
          ],
        )
      }
      throw new ApiError(
        'PERMISSION_DENIED',
        `Permission '${permission}' denied on resource '${resource}' (or it may not exist) for ${principal}.` +
          (role === undefined ? '' : ` Grant ${role} on it.`),
        [
          {
            '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
            reason: 'IAM_PERMISSION_DENIED',
            domain: 'iam.googleapis.com',
            metadata: {permission, resource},
          },
        ],
      )
    },
    async setPolicy(resource, policy) {
      const bindings = normalizeBindings(policy, resource)
      return state.write(() => {
        const current = getPolicy(resource)
        checkAccounts(bindings, current)
        if (policy.etag !== undefined && !isSameEtag(policy.etag, current.etag))
          throw new ApiError(
            'ABORTED',
            'There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.',
          )
        return save(resource, bindings)
      })
    },
    startPolicy: (resource, bindings) => void save(resource, bindings),
    testPermissions: (principal, permissions, resource, context) =>
      permissions.filter((permission) => allows(principal, permission, resource, context)),
    dropPolicy(resource) {
      policies.clear()
      deletePolicy.run(resource)
    },
    dropAccount(email, uniqueId) {
      const member = `serviceAccount:${email}`
      for (const row of selectNaming.all(JSON.stringify(member))) {
        const resource = String(row['resource'])
        const bindings = (getPolicy(resource).bindings ?? []).map((binding) => ({
          ...binding,
          members: binding.members.map((each) =>
            each === member ? `deleted:${member}?uid=${uniqueId}` : each,
          ),
        }))
        save(resource, bindings)
      }
    },
    denials: () => denied,
  }
}

/** An etag is bytes: clients write those that they read in either alphabet of base64, with padding or without. */
function isSameEtag(one: string, other: string | undefined): boolean {
  return other !== undefined && Buffer.from(one, 'base64').equals(Buffer.from(other, 'base64'))
}

/** Cloud Run and Pub/Sub run nothing as a missing account. @throws ApiError PERMISSION_DENIED, as Google says it */
function requireAccount(accounts: KnownAccounts, resource: string): void {
  const email = ACCOUNT_RESOURCE.exec(resource)?.groups?.['email']
  if (email !== undefined && !accounts.exists(email)) {
    throw new ApiError(
      'PERMISSION_DENIED',
      `Permission '${ACT_AS}' denied on service account ${email} (or it may not exist).` +
        ` There is no such account: create it first.`,
    )
  }
}
