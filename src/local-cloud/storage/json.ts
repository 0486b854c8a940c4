/** A JSON object. */
export type Fields = Record<string, unknown>

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * JSON merge patch (RFC 7396), as PATCH means it in the Storage JSON API: null removes, objects merge, anything else
 * replaces. Keeps the order of what is there; new members go last.
 */
export function mergePatch(target: Fields, patch: Fields): Fields {
  const merged = {...target}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) {
      delete merged[key]
    } else if (isFields(value)) {
      const present = merged[key]
      merged[key] = mergePatch(isFields(present) ? present : {}, value)
    } else {
      merged[key] = value
    }
  }
  return merged
}

/** The members of `source` that are named and not null, in the order of `source`. */
export function pick(source: Fields, names: ReadonlySet<string>): Fields {
  return Object.fromEntries(Object.entries(source).filter(([key, value]) => names.has(key) && value !== null))
}
