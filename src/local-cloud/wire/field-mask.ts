import {ApiError} from './api-error.ts'
import {isJsonObject, jsonName, type JsonObject} from './json.ts'

/** The paths of a google.protobuf.FieldMask in JSON, `a.b_c,d`, each as JSON names whichever way they were sent. */
export function fieldPaths(mask: string): string[][] {
  return mask
    .split(',')
    .map((path) => path.trim())
    .filter((path) => path !== '')
    .map((path) => path.split('.').map(jsonName))
}

/**
 * The paths of a mask that may name some fields only.
 * @throws ApiError INVALID_ARGUMENT for an empty mask or a path whose first part is not in `updatable`
 */
export function parseFieldMask(mask: string | undefined, updatable: ReadonlySet<string>): string[][] {
  const paths = fieldPaths(mask ?? '')
  if (paths.length === 0)
    throw new ApiError(
      'INVALID_ARGUMENT',
      'The update_mask in the request must be set, and must contain a non-empty paths list.',
    )
  const stranger = paths.find(([field = '']) => !updatable.has(field))
  if (stranger !== undefined)
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Invalid update_mask: the field "${stranger.join('.')}" cannot be updated. Fields that can: ${[...updatable].join(', ')}.`,
    )
  return paths
}

/** `current` with the fields at `paths` taken from `update`; what is absent there is removed. The order of fields stays. */
export function applyFieldMask(current: object, update: object, paths: readonly string[][]): JsonObject {
  const result: JsonObject = {...current}
  for (const [name = '', ...rest] of paths) {
    const value = child(update, name)
    if (rest.length > 0) result[name] = applyFieldMask(objectOf(child(result, name)), objectOf(value), [rest])
    else if (value === undefined) delete result[name]
    else result[name] = value
  }
  return result
}

function child(value: object, name: string): unknown {
  return Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
}

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {}
}
