import {ApiError} from '../wire/api-error.ts'

/** A secret as a caller names it; `project` is an id or a number. */
export interface SecretName {
  readonly project: string
  readonly secret: string
}

export interface VersionName extends SecretName {
  /** A number, an alias or `latest`. */
  readonly version: string
}

/** https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/create */
const SECRET_ID = /^[A-Za-z0-9_-]{1,255}$/

/** @throws ApiError INVALID_ARGUMENT for anything but `projects/P/secrets/S`, UNIMPLEMENTED for a regional secret */
export function parseSecretName(name = ''): SecretName {
  return namesOf(name, /^projects\/(?<project>[^/]+)\/secrets\/(?<secret>[^/]+)$/)
}

/** @throws ApiError INVALID_ARGUMENT for anything but `projects/P/secrets/S/versions/V`, UNIMPLEMENTED for a regional secret */
export function parseVersionName(name = ''): VersionName {
  return namesOf(
    name,
    /^projects\/(?<project>[^/]+)\/secrets\/(?<secret>[^/]+)\/versions\/(?<version>[^/]+)$/,
  )
}

/** @returns the project. @throws ApiError INVALID_ARGUMENT for anything but `projects/P`, UNIMPLEMENTED for a location */
export function parseParent(parent = ''): string {
  return namesOf(parent, /^projects\/(?<project>[^/]+)$/).project
}

/** @throws ApiError INVALID_ARGUMENT */
export function checkSecretId(id: string): string {
  if (SECRET_ID.test(id)) return id
  throw new ApiError(
    'INVALID_ARGUMENT',
    `The secret id "${id}" must be 1 to 255 letters, digits, hyphens and underscores.`,
  )
}

function namesOf(name: string, pattern: RegExp): VersionName {
  if (/^projects\/[^/]+\/locations\//.test(name))
    throw new ApiError(
      'UNIMPLEMENTED',
      `Regional secrets are not served by the local cloud: [${name}]. Use a secret with replication instead.`,
    )
  const {project, secret = '', version = ''} = pattern.exec(name)?.groups ?? {}
  if (project === undefined)
    throw new ApiError('INVALID_ARGUMENT', `Resource name [${name}] does not have the expected form.`)
  return {project, secret, version}
}
