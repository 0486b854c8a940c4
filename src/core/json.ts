export type JsonObject = Readonly<Record<string, unknown>>

/** Whether a value from outside is a JSON object: not an array, not null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The fields of a JSON object; none of any other value. */
export function fieldsOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {}
}
