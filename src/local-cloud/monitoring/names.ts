import {randomInt} from 'node:crypto'
import type {AccessControl} from '../iam/access.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Principal} from '../wire/call.ts'
import type {Collection} from './store.ts'

/** @returns the project's name. @throws ApiError INVALID_ARGUMENT for anything but `projects/P`; PERMISSION_DENIED */
export function authorizedProject(
  name: string,
  {access, principal, permission}: {access: AccessControl; principal: Principal; permission: string},
): string {
  if (!/^projects\/[^/]+$/.test(name)) throw malformed(name)
  access.require(principal, permission, name)
  return name
}

/**
 * Checks a name such as `projects/P/alertPolicies/ID`, and that the caller may do this with one of the project's.
 * @throws ApiError INVALID_ARGUMENT, PERMISSION_DENIED
 */
export function authorizedName(
  name: string,
  collection: Collection,
  {access, principal, verb}: {access: AccessControl; principal: Principal; verb: 'get' | 'update' | 'delete'},
): string {
  const [, project, found] = /^(projects\/[^/]+)\/([^/]+)\/[^/]+$/.exec(name) ?? []
  if (project === undefined || found !== collection) throw malformed(name)
  access.require(principal, `monitoring.${collection}.${verb}`, project)
  return name
}

/** As Google numbers channels, policies and conditions. */
export function newId(): string {
  return Array.from({length: 19}, (_, index) => randomInt(index === 0 ? 1 : 0, 10)).join('')
}

export function notFound(name: string): ApiError {
  return new ApiError('NOT_FOUND', `Cannot find resource '${name}'.`)
}

function malformed(name: string): ApiError {
  return new ApiError('INVALID_ARGUMENT', `Resource name '${name}' does not have the expected form.`)
}
