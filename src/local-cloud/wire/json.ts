export type JsonObject = Record<string, unknown>

/** Whether a value from outside is a JSON object: no array, not null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The JSON object that a text is; `undefined` for any other text. */
export function parseJsonObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** A proto field's name as JSON has it: lowerCamelCase (https://protobuf.dev/programming-guides/json/#field-names). */
export function jsonName(field: string): string {
  return field.replaceAll(/_+(?<next>.?)/g, (_match, next: string) => next.toUpperCase())
}

type JsonValue = null | boolean | number | string | JsonValue[] | {[key: string]: JsonValue}

/** A handler's answer as plain JSON: what is `undefined` or has a `toJSON` is settled here. */
export function toJsonValue(value: unknown): JsonValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string')
    return value
  if (Array.isArray(value)) return value.map(toJsonValue)
  if (typeof value === 'object') {
    const entries = Object.entries(value).filter(([, entry]) => entry !== undefined)
    return Object.fromEntries(entries.map(([key, entry]) => [key, toJsonValue(entry)]))
  }
  throw new TypeError(`An answer has a value of type ${typeof value}, which JSON has not.`)
}
