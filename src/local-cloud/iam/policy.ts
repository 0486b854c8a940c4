import {createHash} from 'node:crypto'
import {ApiError} from '../wire/api-error.ts'
import type {Binding, Policy} from './access.ts'
import {type Condition, parseCondition} from './conditions.ts'
import {BASIC_ROLES, isGrantable} from './roles.ts'
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
  const merged = new Map<string, Binding>()
  for (const binding of policy.bindings ?? []) {
    const {role, members, condition} = binding
    if (!isGrantable(binding.role, resource))
      throw new ApiError('INVALID_ARGUMENT', `Role ${binding.role} is not supported for this resource.`)
    for (const member of members) checkMember(member)
    if (condition !== undefined) checkConditional(binding, policy)
    const key = `${role} ${JSON.stringify(condition)}`
    const all = new Set([...(merged.get(key)?.members ?? []), ...members])
    merged.set(key, {role, members: [...all], ...(condition === undefined ? {} : {condition})})
  }
  return [...merged.values()].filter(({members}) => members.length > 0)
}

/** https://cloud.google.com/iam/docs/conditions-overview#restrictions @throws ApiError INVALID_ARGUMENT, UNIMPLEMENTED */
function checkConditional({role, members, condition}: Binding, {version}: Policy): void {
  const problem =
    version === 3
      ? BASIC_ROLES.has(role)
        ? `the basic role ${role} cannot have a condition`
        : members.some((member) => member.startsWith('all'))
          ? 'allUsers and allAuthenticatedUsers cannot have a condition'
          : undefined
      : 'the version of a policy with conditions must be at least 3'
  if (problem !== undefined)
    throw new ApiError('INVALID_ARGUMENT', `Invalid conditional role binding: ${problem}.`)
  parseCondition(condition?.expression ?? '')
}

/** A policy as a caller gets it that may not know conditions: https://cloud.google.com/iam/docs/policies#specifying-version-get */
export function asRequested(policy: Policy, version: unknown): Policy {
  if (policy.version !== 3 || Number(version) === 3) return policy
  const bindings = (policy.bindings ?? []).map(({role, members, condition}) => {
    const hash = createHash('sha256').update(JSON.stringify(condition)).digest('hex').slice(0, 20)
    return {role: condition === undefined ? role : `${role}_withcond_${hash}`, members}
  })
  return {...policy, version: 1, bindings}
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
  if (typeof role !== 'string' || role === '')
    throw new ApiError('INVALID_ARGUMENT', `Invalid value at '${where}.role': it must be a role.`)
  if (!Array.isArray(members) || !members.every((member) => typeof member === 'string'))
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Invalid value at '${where}.members': it must be a list of members.`,
    )
  return {
    role,
    members,
    ...(condition === undefined || condition === null ? {} : {condition: parseExpr(condition, where)}),
  }
}

function parseExpr(value: unknown, where: string): Condition {
  const {expression, title, description} = isJsonObject(value) ? value : {}
  if (typeof expression !== 'string')
    throw new ApiError('INVALID_ARGUMENT', `Invalid value at '${where}.condition': it needs an expression.`)
  return {
    ...(typeof title === 'string' ? {title} : {}),
    ...(typeof description === 'string' ? {description} : {}),
    expression,
  }
}

/**
 * A google.iam.v1.Policy out of a request body. No `bindings` means none.
 * @throws ApiError INVALID_ARGUMENT if it is not a policy; UNIMPLEMENTED for audit settings
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
