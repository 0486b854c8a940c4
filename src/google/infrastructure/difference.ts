import {isJsonObject} from '../../core/json.ts'

/**
 * Whether `current` already matches `wanted`. Members that `wanted` does not name are Google's defaults and do not
 * count; a member that Google leaves out has its type's default, as proto3 JSON has it. Lists are compared whole and
 * in order; items with a name, such as variables, in any order, since Terraform has its own.
 */
export function satisfies(current: unknown, wanted: unknown): boolean {
  if (current === undefined || current === null) return isDefault(wanted)
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(current) &&
      current.length === wanted.length &&
      wanted.every((item, index) => satisfies(namesake(current, item) ?? current[index], item))
    )
  }
  if (isJsonObject(wanted)) {
    return (
      isJsonObject(current) && Object.entries(wanted).every(([key, value]) => satisfies(current[key], value))
    )
  }
  return current === wanted
}

function isDefault(wanted: unknown): boolean {
  if (Array.isArray(wanted)) return wanted.length === 0
  // The presence of an empty message is its value: `expirationPolicy: {}` means "never".
  if (isJsonObject(wanted)) return Object.keys(wanted).length > 0 && Object.values(wanted).every(isDefault)
  return wanted === undefined || wanted === null || wanted === '' || wanted === 0 || wanted === false
}

/** The list item with the same name. */
function namesake(list: readonly unknown[], wanted: unknown): unknown {
  const name = isJsonObject(wanted) ? wanted['name'] : undefined
  return name === undefined ? undefined : list.find((item) => isJsonObject(item) && item['name'] === name)
}
