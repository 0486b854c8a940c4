import {ApiError} from './api-error.ts'

function camelCase(name: string): string {
  return name.replaceAll(/_(?<letter>[a-z0-9])/g, (_match, letter: string) => letter.toUpperCase())
}

/**
 * The paths of a google.protobuf.FieldMask, in camelCase whichever way they were sent.
 * @throws ApiError INVALID_ARGUMENT for an empty mask or a path whose first part is not in `updatable`
 */
export function parseFieldMask(mask: string | undefined, updatable: ReadonlySet<string>): string[][] {
  const paths = (mask ?? '')
    .split(',')
    .map((path) => path.trim())
    .filter((path) => path !== '')
  if (paths.length === 0)
    throw new ApiError(
      'INVALID_ARGUMENT',
      'The update_mask in the request must be set, and must contain a non-empty paths list.',
    )
  return paths.map((path) => {
    const parts = path.split('.').map(camelCase)
    if (!updatable.has(parts[0] ?? ''))
      throw new ApiError(
        'INVALID_ARGUMENT',
        `Invalid update_mask: the field "${path}" cannot be updated. Fields that can: ${[...updatable].join(', ')}.`,
      )
    return parts
  })
}

function child(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined
}

/**
 * `current` with the fields at `paths` taken from `update`; what is absent there is taken away. The order of fields
 * stays.
 */
export function applyFieldMask(
  current: object,
  update: object,
  paths: readonly string[][],
): Record<string, unknown> {
  const result: Record<string, unknown> = {...current}
  for (const [name = '', ...rest] of paths) {
    const value = child(update, name)
    if (rest.length > 0) {
      const nested = child(result, name)
      result[name] = applyFieldMask(
        typeof nested === 'object' && nested !== null ? nested : {},
        typeof value === 'object' && value !== null ? value : {},
        [rest],
      )
    } else if (value === undefined) delete result[name]
    else result[name] = value
  }
  return result
}
