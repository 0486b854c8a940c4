import type {AccessControl, ServiceAgents} from '../iam/access.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Principal} from '../wire/call.ts'
import type {SecretName} from './names.ts'
import type {SecretStore, StoredSecret, StoredVersion} from './store.ts'

/** Finds what callers name. Google answers with the project's number in names, and takes its id as well. */
export interface Lookup {
  /** `projects/NUMBER` of a project. */
  parent(project: string): string
  /** The id of a project that may be given by number, as far as it is known. */
  projectId(project: string): string
  /** `projects/NUMBER/secrets/S` */
  name(name: SecretName): string
  /** The name under which a secret's policy is kept: with the project's id. */
  policyName(name: SecretName): string
  /** @throws ApiError PERMISSION_DENIED, then NOT_FOUND */
  secret(principal: Principal, permission: string, name: SecretName): StoredSecret
  /** By number only. @throws ApiError NOT_FOUND */
  numbered(secret: StoredSecret, version: string): StoredVersion
  /** By number, alias or `latest`. @throws ApiError NOT_FOUND */
  version(secret: StoredSecret, version: string): StoredVersion
}

export function createLookup({
  access,
  agents,
  store,
}: {
  access: AccessControl
  agents: Pick<ServiceAgents, 'projectNumber'>
  store: SecretStore
}): Lookup {
  const parent = (project: string): string => `projects/${agents.projectNumber(project)}`
  const name = ({project, secret}: SecretName): string => `${parent(project)}/secrets/${secret}`
  const projectId = (project: string): string =>
    /^\d+$/.test(project) ? (store.projectOf(parent(project)) ?? project) : project
  const policyName = (given: SecretName): string =>
    `projects/${store.secret(name(given))?.project ?? projectId(given.project)}/secrets/${given.secret}`
  const numbered = ({key, resource}: StoredSecret, version: string): StoredVersion => {
    const found = /^\d{1,15}$/.test(version) ? store.version(key, Number(version)) : undefined
    if (!found) throw versionNotFound(`${resource.name}/versions/${version}`)
    return found
  }
  return {
    parent,
    projectId,
    name,
    policyName,
    secret(principal, permission, given) {
      access.require(principal, permission, policyName(given))
      const found = store.secret(name(given))
      if (found) return found
      throw permission.startsWith('secretmanager.versions.')
        ? hasNoVersions(name(given))
        : new ApiError('NOT_FOUND', `Secret [${name(given)}] not found.`)
    },
    numbered,
    version(secret, version) {
      if (version !== 'latest') return numbered(secret, secret.resource.versionAliases?.[version] ?? version)
      if (secret.versions === 0) throw hasNoVersions(secret.resource.name)
      return numbered(secret, String(secret.versions))
    },
  }
}

function versionNotFound(name: string): ApiError {
  return new ApiError('NOT_FOUND', `Secret Version [${name}] not found.`)
}

function hasNoVersions(name: string): ApiError {
  return new ApiError('NOT_FOUND', `Secret [${name}] not found or has no versions.`)
}
