import {AppError} from '../../core/errors.ts'
import {objectsIn, type Json, type Rest, type RestService} from '../rest.ts'

/** A role for a member on one resource; never on a project. */
export interface Grant {
  readonly role: string
  readonly member: string
  readonly on: PolicyOf
}

/** Where to read and write a resource's IAM policy. Storage has its own paths and takes the policy unwrapped. */
export interface PolicyOf {
  readonly service: RestService
  /** `/v1/projects/P/topics/T`, `/storage/v1/b/B` … */
  readonly path: string
  /** Google's word for the resource, and its short name. */
  readonly kind: string
  readonly name: string
}

export async function isGranted(rest: Rest, grant: Grant): Promise<boolean> {
  const policy = await readPolicy(rest, grant.on)
  return policy !== undefined && has(policy, grant)
}

/**
 * Adds a grant to the current policy and leaves all others alone. If the policy has changed in between, as its etag
 * shows, it is read again.
 */
export async function addGrant(rest: Rest, grant: Grant): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const policy = (await readPolicy(rest, grant.on)) ?? {}
    if (has(policy, grant)) return
    const bindings = objectsIn(policy, 'bindings')
    const same = bindings.find(
      (binding) => binding['role'] === grant.role && binding['condition'] === undefined,
    )
    const next = {
      ...policy,
      bindings:
        same === undefined
          ? [...bindings, {role: grant.role, members: [grant.member]}]
          : bindings.map((binding) =>
              binding === same ? {...same, members: [...membersOf(same), grant.member]} : binding,
            ),
    }
    try {
      await writePolicy(rest, grant.on, next)
      return
    } catch (error) {
      if (!isChanged(error) || attempt === 5) throw error
    }
  }
}

/** Removes a grant and leaves all others alone. @returns whether it existed */
export async function removeGrant(rest: Rest, grant: Grant): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    const policy = await readPolicy(rest, grant.on)
    if (policy === undefined || !has(policy, grant)) return false
    const bindings = objectsIn(policy, 'bindings').flatMap((binding) => {
      if (binding['role'] !== grant.role || binding['condition'] !== undefined) return [binding]
      const members = membersOf(binding).filter((member) => member !== grant.member)
      return members.length === 0 ? [] : [{...binding, members}]
    })
    try {
      await writePolicy(rest, grant.on, {...policy, bindings})
      return true
    } catch (error) {
      if (!isChanged(error) || attempt === 5) throw error
    }
  }
}

function isChanged(error: unknown): boolean {
  return error instanceof AppError && (error.code === 'conflict' || error.code === 'precondition-failed')
}

function has(policy: Json, grant: Grant): boolean {
  return objectsIn(policy, 'bindings').some(
    (binding) =>
      binding['role'] === grant.role &&
      binding['condition'] === undefined &&
      membersOf(binding).includes(grant.member),
  )
}

function membersOf(binding: Json): unknown[] {
  return Array.isArray(binding['members']) ? binding['members'] : []
}

/** `undefined` if the resource itself does not exist. */
function readPolicy(rest: Rest, on: PolicyOf): Promise<Json | undefined> {
  const path = on.service === 'storage' ? `${on.path}/iam` : `${on.path}:getIamPolicy`
  return rest.get(on.service, path)
}

async function writePolicy(rest: Rest, on: PolicyOf, policy: Json): Promise<void> {
  if (on.service === 'storage') await rest.request(on.service, 'PUT', `${on.path}/iam`, policy)
  else await rest.request(on.service, 'POST', `${on.path}:setIamPolicy`, {policy})
}
