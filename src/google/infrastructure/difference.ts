import {isJson} from '../rest.ts'

/**
 * Whether `current` already is what `wanted` says. Members that `wanted` does not name are Google's defaults and do
 * not count; lists count whole, in order.
 */
export function satisfies(current: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(current) &&
      current.length === wanted.length &&
      wanted.every((item, index) => satisfies(current[index], item))
    )
  }
  if (isJson(wanted)) {
    return isJson(current) && Object.entries(wanted).every(([key, value]) => satisfies(current[key], value))
  }
  return current === wanted
}
