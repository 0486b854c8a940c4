export type JsonObject = Record<string, unknown>

/** Whether a value from outside is a JSON object: no array, not null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A proto field's name as JSON has it: lowerCamelCase (https://protobuf.dev/programming-guides/json/#field-names). */
export function jsonName(field: string): string {
  return field.replaceAll(/_+(?<next>.?)/g, (_match, next: string) => next.toUpperCase())
}
