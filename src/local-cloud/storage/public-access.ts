import {isJsonObject, type JsonObject} from '../wire/json.ts'
import {invalid, StorageError} from './errors.ts'

const SETTINGS = new Set<unknown>([undefined, 'enforced', 'inherited', 'unspecified'])
const PUBLIC = new Set(['allUsers', 'allAuthenticatedUsers'])

/** Whether nothing in a bucket may be public: https://cloud.google.com/storage/docs/public-access-prevention */
export function preventsPublicAccess({iamConfiguration}: JsonObject): boolean {
  return isJsonObject(iamConfiguration) && iamConfiguration['publicAccessPrevention'] === 'enforced'
}

/** @throws StorageError 400 for a setting that Google does not have */
export function checkPublicAccessSetting({iamConfiguration}: JsonObject): void {
  const setting = isJsonObject(iamConfiguration) ? iamConfiguration['publicAccessPrevention'] : undefined
  if (!SETTINGS.has(setting))
    throw invalid(
      `Invalid publicAccessPrevention: ${JSON.stringify(setting)} is neither enforced nor inherited.`,
    )
}

/**
 * Refuses what would make a bucket or an object public against its bucket's setting.
 * @param members of a policy, or entities of access control lists
 * @throws StorageError 412
 */
export function refusePublic(fields: JsonObject, members: readonly string[]): void {
  if (!preventsPublicAccess(fields) || !members.some((member) => PUBLIC.has(member))) return
  throw new StorageError(
    412,
    'conditionNotMet',
    'The member bindings allUsers and allAuthenticatedUsers are not allowed since public access prevention is enforced.',
  )
}
