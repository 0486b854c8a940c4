import data from './predefined-roles.json' with {type: 'json'}

/**
 * Google's predefined roles with their permissions in the services that the local cloud has: an entry of `roles` names,
 * of all permissions in their order, the ranges that its roles hold.
 */
const PERMISSIONS = Object.entries(data.permissions).flatMap(([kind, verbs]) =>
  verbs.split(' ').map((verb) => `${kind}.${verb}`),
)
const RANGES: ReadonlyMap<string, string> = new Map(
  Object.entries(data.roles).flatMap(([ranges, names]) =>
    names.split(' ').map((name): [string, string] => [`roles/${name}`, ranges]),
  ),
)
export const BASIC_ROLES = new Set(['roles/viewer', 'roles/editor', 'roles/owner'])
/** What denials advise; the other roles are for special cases. */
const ADVISED = Object.entries({
  artifactregistry: 'reader writer admin',
  iam: 'serviceAccountUser serviceAccountTokenCreator serviceAccountAdmin serviceAccountKeyAdmin',
  logging: 'logWriter viewer admin',
  monitoring:
    'alertPolicyViewer alertPolicyEditor notificationChannelViewer notificationChannelEditor viewer editor admin',
  pubsub: 'publisher subscriber viewer editor admin',
  resourcemanager: 'projectIamAdmin',
  run: 'invoker viewer jobsExecutor jobsExecutorWithOverrides developer admin',
  secretmanager: 'secretAccessor secretVersionAdder secretVersionManager viewer admin',
  serviceusage: 'serviceUsageAdmin serviceUsageViewer',
  storage: 'objectViewer objectCreator objectUser objectAdmin admin hmacKeyAdmin',
}).flatMap(([service, names]) => names.split(' ').map((name) => `roles/${service}.${name}`))

const expanded = new Map<string, ReadonlySet<string>>()

/** The permissions of a role, or nothing if Google has no such role. */
function permissionsOf(role: string): ReadonlySet<string> | undefined {
  const ranges = RANGES.get(role)
  if (ranges === undefined) return undefined
  let held = expanded.get(role)
  if (held === undefined) {
    held = new Set(
      ranges.split(' ').flatMap((range) => {
        const [first, last = first] = range.split('-')
        return range === '' ? [] : PERMISSIONS.slice(Number(first), Number(last) + 1)
      }),
    )
    expanded.set(role, held)
  }
  return held
}

/** The service that a resource belongs to, as permissions begin; `undefined` for a project, which takes them all. */
function serviceOf(resource: string): string | undefined {
  if (resource.startsWith('projects/_/buckets/')) return 'storage'
  const groups = /^projects\/[^/]+\/(?:locations\/[^/]+\/)?(?<collection>[^/]+)\//.exec(resource)?.groups
  switch (groups?.['collection'] ?? '') {
    case 'topics':
    case 'subscriptions':
      return 'pubsub'
    case 'serviceAccounts':
      return 'iam'
    case 'secrets':
      return 'secretmanager'
    case 'repositories':
      return 'artifactregistry'
    case 'services':
    case 'jobs':
      return 'run'
    default:
      return undefined
  }
}

/** Whether a role can be granted on a resource: it is known and applies to resources of that kind. */
export function isGrantable(role: string, resource: string): boolean {
  const permissions = permissionsOf(role)
  if (permissions === undefined) return false
  const service = serviceOf(resource)
  if (service === undefined) return !role.startsWith('roles/storage.legacy')
  if (BASIC_ROLES.has(role)) return true
  return [...permissions].some((permission) => permission.startsWith(`${service}.`))
}

/** Whether a role holds a permission. */
export function roleHas(role: string, permission: string): boolean {
  return permissionsOf(role)?.has(permission) ?? false
}

/** The smallest role that holds `permission` and can be granted on `resource`, for advice in a denial. */
export function smallestRole(permission: string, resource: string): string | undefined {
  let best: {role: string; size: number} | undefined
  for (const role of ADVISED) {
    const permissions = permissionsOf(role)
    if (permissions?.has(permission) !== true || !isGrantable(role, resource)) continue
    if (best === undefined || permissions.size < best.size) best = {role, size: permissions.size}
  }
  return best?.role
}
