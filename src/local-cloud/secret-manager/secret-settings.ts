import {LABEL_KEY, LABEL_VALUE, MOST_LABELS} from '../labels.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Replication, Secret, SentSecret} from './resources.ts'

/** Fields that have no effect without a service that the local cloud does not have. */
const UNSERVED = ['topics', 'rotation', 'customerManagedEncryption', 'tags', 'secretType'] as const

/** https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets#Secret */
const ANNOTATION_KEY = /^[a-zA-Z0-9](?:[a-zA-Z0-9_.-]{0,61}[a-zA-Z0-9])?$/
const MOST_ANNOTATION_BYTES = 16 * 1024
const ALIAS = /^(?!(?:latest|NEW)$)[A-Za-z][A-Za-z0-9_-]{0,62}$/
const MOST_ALIASES = 50
const DAY_SECONDS = 24 * 3600
const DESTROY_TTL_SECONDS = {least: DAY_SECONDS, most: 1000 * DAY_SECONDS}
/** https://cloud.google.com/secret-manager/docs/secret-expiration */
const EXPIRY_MS = {least: 60_000, most: 100 * 365.25 * DAY_SECONDS * 1000}

/** @throws ApiError UNIMPLEMENTED for what is not served, INVALID_ARGUMENT for what breaks Google's rules */
export function checkSettings(secret: SentSecret): void {
  for (const field of UNSERVED) {
    const value = secret[field]
    if (value !== undefined && Object.keys(value).length > 0 && value !== 'SECRET_TYPE_UNSPECIFIED')
      throw new ApiError('UNIMPLEMENTED', `Secrets with ${field} are not served by the local cloud.`)
  }
  checkLabels(secret.labels ?? {})
  checkAnnotations(secret.annotations ?? {})
  const {versionDestroyTtl} = secret
  if (versionDestroyTtl !== undefined) {
    const seconds = Number.parseFloat(versionDestroyTtl)
    if (seconds < DESTROY_TTL_SECONDS.least || seconds > DESTROY_TTL_SECONDS.most)
      throw invalid('version_destroy_ttl', `${versionDestroyTtl} is not between 24 hours and 1000 days`)
  }
}

/** The replication of a new secret. @throws ApiError */
export function checkReplication(replication: Replication | undefined): Replication {
  const {automatic, userManaged} = replication ?? {}
  if (automatic === undefined && userManaged === undefined)
    throw invalid('replication', 'a replication policy is required: automatic or userManaged')
  const replicas = userManaged?.replicas ?? []
  if (automatic?.customerManagedEncryption ?? replicas.find((replica) => replica.customerManagedEncryption))
    throw new ApiError(
      'UNIMPLEMENTED',
      'Secrets with customer-managed encryption keys are not served by the local cloud.',
    )
  if (automatic) return {automatic: {}}
  const locations = replicas.map(({location = ''}) => location)
  if (locations.length === 0 || locations.includes('') || new Set(locations).size < locations.length)
    throw invalid('replication.user_managed.replicas', 'at least one location is required, each only once')
  return {userManaged: {replicas: locations.map((location) => ({location}))}}
}

/**
 * When a secret expires that is sent with `expireTime` or `ttl`.
 * @param now milliseconds since 1970
 * @throws ApiError INVALID_ARGUMENT
 */
export function expireTimeOf({expireTime, ttl}: SentSecret, now: number): string | undefined {
  const at = ttl === undefined ? Date.parse(expireTime ?? '') : now + Number.parseFloat(ttl) * 1000
  if (ttl === undefined && expireTime === undefined) return undefined
  if (!(at - now >= EXPIRY_MS.least && at - now <= EXPIRY_MS.most))
    throw invalid('expiration', 'a secret expires at least 60 seconds and at most 100 years from now')
  return new Date(at).toISOString().replace('.000Z', 'Z')
}

/**
 * @param exists whether the secret has a version of this number
 * @throws ApiError INVALID_ARGUMENT
 */
export function checkAliases(
  aliases: NonNullable<Secret['versionAliases']>,
  exists: (version: string) => boolean,
): void {
  if (Object.keys(aliases).length > MOST_ALIASES)
    throw invalid('version_aliases', `at most ${MOST_ALIASES} aliases are allowed`)
  for (const [alias, version] of Object.entries(aliases)) {
    if (!ALIAS.test(alias))
      throw invalid(
        'version_aliases',
        `"${alias}" must begin with a letter, have up to 63 letters, digits, hyphens and underscores, and not be latest or NEW`,
      )
    if (!exists(version))
      throw invalid('version_aliases', `"${alias}" is for version ${version}, which does not exist`)
  }
}

function checkLabels(labels: Readonly<Record<string, string>>): void {
  const entries = Object.entries(labels)
  if (entries.length > MOST_LABELS) throw invalid('labels', `at most ${MOST_LABELS} labels are allowed`)
  const wrong = entries.find(([key, value]) => !LABEL_KEY.test(key) || !LABEL_VALUE.test(value))
  if (wrong)
    throw invalid(
      'labels',
      `"${wrong.join('=')}": keys and values are lowercase letters, digits, _ and -, at most 63; a key begins with a letter`,
    )
}

function checkAnnotations(annotations: Readonly<Record<string, string>>): void {
  const wrong = Object.keys(annotations).find((key) => !ANNOTATION_KEY.test(key))
  if (wrong !== undefined)
    throw invalid(
      'annotations',
      `the key "${wrong}" must be 1 to 63 letters, digits, -, _ and ., and begin and end with a letter or digit`,
    )
  if (Buffer.byteLength(Object.entries(annotations).flat().join('')) > MOST_ANNOTATION_BYTES)
    throw invalid('annotations', 'keys and values together are larger than 16 KiB')
}

function invalid(field: string, problem: string): ApiError {
  return new ApiError('INVALID_ARGUMENT', `Invalid value at 'secret.${field}': ${problem}.`)
}
