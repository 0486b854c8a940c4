import {randomBytes} from 'node:crypto'
import type {State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Principal} from '../wire/call.ts'
import type {Clock} from '../wire/clock.ts'
import type {AccessControl, Denial, Policy} from './access.ts'
import {normalizeBindings, parsePolicy} from './policy.ts'
import {roleHas, smallestRole} from './roles.ts'

/** The etag of a policy that was never set, as Google shows it. */
const INITIAL_ETAG = 'ACAB'
const DENIALS_KEPT = 200

/** `projects/P` of a resource that names its project; buckets do not. */
function projectOf(resource: string): string | undefined {
  const project = /^projects\/(?<project>[^/]+)\//.exec(resource)?.groups?.['project']
  return project === undefined || project === '_' ? undefined : `projects/${project}`
}

/**
 * Policies that are kept in the state and enforced: a principal has what its roles on the resource and on the
 * resource's project hold.
 */
export function createAccess({state, clock}: {state: State; clock: Clock}): AccessControl {
  const selectPolicy = state.database.prepare('SELECT policy FROM iam_policies WHERE resource = ?')
  const upsertPolicy = state.database.prepare(
    'INSERT INTO iam_policies (resource, policy) VALUES (?, ?) ON CONFLICT (resource) DO UPDATE SET policy = excluded.policy',
  )
  const deletePolicy = state.database.prepare('DELETE FROM iam_policies WHERE resource = ?')
  const denied: Denial[] = []

  function getPolicy(resource: string): Policy {
    const text = selectPolicy.get(resource)?.['policy']
    return typeof text === 'string' ? parsePolicy(JSON.parse(text)) : {etag: INITIAL_ETAG}
  }

  function grants(policy: Policy, principal: Principal, permission: string): boolean {
    return (policy.bindings ?? []).some(
      ({role, members}) =>
        roleHas(role, permission) &&
        members.some(
          (member) =>
            member === 'allUsers' ||
            member === principal ||
            (member === 'allAuthenticatedUsers' && principal !== 'allUsers'),
        ),
    )
  }

  function allows(principal: Principal, permission: string, resource: string): boolean {
    if (principal === 'owner') return true
    if (grants(getPolicy(resource), principal, permission)) return true
    const project = projectOf(resource)
    return project !== undefined && grants(getPolicy(project), principal, permission)
  }

  return {
    allows,
    getPolicy,
    require(principal, permission, resource) {
      if (allows(principal, permission, resource)) return
      denied.unshift({time: new Date(clock.now()).toISOString(), principal, permission, resource})
      denied.length = Math.min(denied.length, DENIALS_KEPT)
      const role = smallestRole(permission, resource)
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
        if (policy.etag !== undefined && policy.etag !== getPolicy(resource).etag)
          throw new ApiError(
            'ABORTED',
            'There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.',
          )
        const next: Policy = {version: 1, etag: randomBytes(8).toString('base64'), bindings}
        upsertPolicy.run(resource, JSON.stringify(next))
        return next
      })
    },
    testPermissions: (principal, permissions, resource) =>
      permissions.filter((permission) => allows(principal, permission, resource)),
    dropPolicy(resource) {
      deletePolicy.run(resource)
    },
    denials: () => denied,
  }
}
