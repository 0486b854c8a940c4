import {ApiError} from '../../wire/api-error.ts'
import {isJsonObject} from '../../wire/json.ts'

/** Checks a JSON value that a client sent. @throws ApiError INVALID_ARGUMENT that says where it is wrong */
export type Shape<T> = (value: unknown, path: string) => T

export const text: Shape<string> = (value, path) => {
  if (typeof value !== 'string') throw invalid(path, 'TYPE_STRING', value)
  return value
}

export const integer: Shape<number> = (value, path) => {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) throw invalid(path, 'TYPE_INT32', value)
  return number
}

export const flag: Shape<boolean> = (value, path) => {
  if (typeof value !== 'boolean') throw invalid(path, 'TYPE_BOOL', value)
  return value
}

/** Any JSON object, unchanged. */
export const anything: Shape<object> = (value, path) => {
  if (!isJsonObject(value)) throw invalid(path, 'TYPE_MESSAGE', value)
  return value
}

export function list<T>(item: Shape<T>): Shape<T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw invalid(path, 'list', value)
    return value.map((entry: unknown, index) => item(entry, `${path}[${index}]`))
  }
}

export const dictionary: Shape<Record<string, string>> = (value, path) => {
  if (!isJsonObject(value)) throw invalid(path, 'map', value)
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, text(entry, `${path}[${key}]`)]),
  )
}

/** A message of these optional fields; `null` counts as absent. Others are rejected, as by Google. */
export function message<Fields extends Record<string, Shape<unknown>>>(
  fields: Fields,
): Shape<{[Name in keyof Fields]?: ReturnType<Fields[Name]>}> {
  return (value, path) => {
    if (!isJsonObject(value)) throw invalid(path, 'TYPE_MESSAGE', value)
    const checked: Record<string, unknown> = {}
    for (const [name, entry] of Object.entries(value)) {
      const shape = fields[name]
      if (!shape) {
        throw new ApiError(
          'INVALID_ARGUMENT',
          `Invalid JSON payload received. Unknown name "${name}"${path === '' ? '' : ` at '${path}'`}: Cannot find field.`,
        )
      }
      if (entry !== null) checked[name] = shape(entry, path === '' ? name : `${path}.${name}`)
    }
    // Every entry was built by the shape of its name just above.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked entry by entry
    return checked as {[Name in keyof Fields]?: ReturnType<Fields[Name]>}
  }
}

function invalid(path: string, type: string, value: unknown): ApiError {
  return new ApiError(
    'INVALID_ARGUMENT',
    `Invalid value at '${path}' (${type}), ${JSON.stringify(value) ?? 'nothing'}`,
  )
}
