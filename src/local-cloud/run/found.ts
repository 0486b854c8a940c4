import {ApiError} from '../wire/api-error.ts'
import {locationOf, shortName} from './resources.ts'

/**
 * What is stored under a name.
 * @param kind as Cloud Run spells it, e.g. `SERVICE`
 * @throws ApiError NOT_FOUND if nothing is stored
 */
export function found<T>(stored: T | undefined, kind: string, name: string): T {
  if (stored !== undefined) return stored
  throw new ApiError(
    'NOT_FOUND',
    `Resource '${shortName(name)}' of kind '${kind}' in ${locationOf(name)} does not exist.`,
  )
}
