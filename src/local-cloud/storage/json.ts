import {isJsonObject, type JsonObject} from '../wire/json.ts'

/**
 * JSON merge patch (RFC 7396), as PATCH means it in the Storage JSON API: null removes, objects merge, anything else
 * replaces. Keeps the order of what is there; new members go last.
 */
export function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const merged = {...target}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) {
      delete merged[key]
    } else if (isJsonObject(value)) {
      const present = merged[key]
      merged[key] = mergePatch(isJsonObject(present) ? present : {}, value)
    } else {
      merged[key] = value
    }
  }
  return merged
}

/** The members of `source` that are named and not null, in the order of `source`. */
export function pick(source: JsonObject, names: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(source).filter(([key, value]) => names.has(key) && value !== null))
}

/** The members of `source` that are not named. */
export function omit(source: JsonObject, names: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(source).filter(([key]) => !names.has(key)))
}
