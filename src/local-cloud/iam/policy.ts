import {ApiError} from '../wire/api-error.ts'
import type {Binding, Policy} from './access.ts'
import {isGrantable} from './roles.ts'
import {isJsonObject} from '../wire/json.ts'

const EMAIL_MEMBER = /^(?:user|serviceAccount|group):[^@\s:]+@[^@\s:]+\.[^@\s:]+$/
const OTHER_MEMBERS = [
  /^allUsers$/,
  /^allAuthenticatedUsers$/,
  /^domain:[^@\s:]+\.[^@\s:]+$/,
  /^deleted:(?:user|serviceAccount|group):[^\s]+\?uid=\d+$/,
  /^project(?:Owner|Editor|Viewer):[a-z][a-z0-9:.-]*$/,
  /^principal(?:Set)?:\/\/\S+$/,
]
const MEMBER_TYPES =
  /^(?:user|serviceAccount|group|domain|deleted|projectOwner|projectEditor|projectViewer|principal|principalSet):/

/** A member as https://cloud.google.com/iam/docs/principal-identifiers spells it. @throws ApiError INVALID_ARGUMENT */
function checkMember(member: string): void {
  if (EMAIL_MEMBER.test(member) || OTHER_MEMBERS.some((pattern) => pattern.test(member))) return
  throw new ApiError(
    'INVALID_ARGUMENT',
    MEMBER_TYPES.test(member)
      ? `Invalid member ${member}: not a well-formed identifier of its type.`
      : `The member ${member} is of an unknown type. Please set a valid type prefix for the member.`,
  )
}

/**
 * Checks a policy for a resource and puts it as IAM keeps it: one binding a role, no member twice, no empty binding.
 * @throws ApiError INVALID_ARGUMENT for a role that cannot be granted there or a malformed member
 */
export function normalizeBindings(policy: Policy, resource: string): Binding[] {
  const members = new Map<string, Set<string>>()
  for (const binding of policy.bindings ?? []) {
    if (!isGrantable(binding.role, resource))
      throw new ApiError('INVALID_ARGUMENT', `Role ${binding.role} is not supported for this resource.`)
    for (const member of binding.members) checkMember(member)
    members.set(binding.role, new Set([...(members.get(binding.role) ?? []), ...binding.members]))
  }
  return [...members].filter(([, held]) => held.size > 0).map(([role, held]) => ({role, members: [...held]}))
}

function parseBinding(value: unknown, where: string): Binding {
  if (!isJsonObject(value))
    throw new ApiError('INVALID_ARGUMENT', `Invalid value at '${where}': it must be an object.`)
  const {role, members = [], condition, ...unknown} = value
  const [stranger] = Object.keys(unknown)
  if (stranger !== undefined)
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Invalid JSON payload received. Unknown name "${stranger}" at '${where}'.`,
    )
  if (condition !== undefined && condition !== null)
    throw new ApiError('UNIMPLEMENTED', 'Conditional role bindings are not implemented by the local cloud.')
  if (typeof role !== 'string' || role === '')
    throw new ApiError('INVALID_ARGUMENT', `Invalid value at '${where}.role': it must be a role.`)
  if (!Array.isArray(members) || !members.every((member) => typeof member === 'string'))
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Invalid value at '${where}.members': it must be a list of members.`,
    )
  return {role, members}
}

/**
 * A google.iam.v1.Policy out of a request body. No `bindings` means none.
 * @throws ApiError INVALID_ARGUMENT if it is not a policy; UNIMPLEMENTED for conditions and audit settings
 */
export function parsePolicy(value: unknown): Policy {
  if (!isJsonObject(value))
    throw new ApiError('INVALID_ARGUMENT', "Invalid value at 'policy': it must be an object.")
  const {version, etag, bindings = [], auditConfigs, kind: _kind, resourceId: _resourceId, ...unknown} = value
  const [stranger] = Object.keys(unknown)
  if (stranger !== undefined)
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Invalid JSON payload received. Unknown name "${stranger}" at 'policy'.`,
    )
  if (Array.isArray(auditConfigs) && auditConfigs.length > 0)
    throw new ApiError('UNIMPLEMENTED', 'Audit settings in a policy are not implemented by the local cloud.')
  if (version !== undefined && version !== 0 && version !== 1 && version !== 3)
    throw new ApiError('INVALID_ARGUMENT', "Invalid value at 'policy.version': it must be 0, 1 or 3.")
  if (etag !== undefined && typeof etag !== 'string')
    throw new ApiError('INVALID_ARGUMENT', "Invalid value at 'policy.etag': it must be a string.")
  if (!Array.isArray(bindings))
    throw new ApiError('INVALID_ARGUMENT', "Invalid value at 'policy.bindings': it must be a list.")
  return {
    ...(version === undefined ? {} : {version}),
    ...(etag === undefined || etag === '' ? {} : {etag}),
    bindings: bindings.map((binding, index) => parseBinding(binding, `policy.bindings[${index}]`)),
  }
}

/** The permissions in the body of a testIamPermissions call. @throws ApiError INVALID_ARGUMENT */
export function parsePermissions(body: Record<string, unknown>): string[] {
  const permissions = body['permissions'] ?? []
  if (!Array.isArray(permissions) || !permissions.every((permission) => typeof permission === 'string'))
    throw new ApiError(
      'INVALID_ARGUMENT',
      "Invalid value at 'permissions': it must be a list of permissions.",
    )
  return permissions
}
