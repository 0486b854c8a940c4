import protobuf from 'protobufjs'
import {ApiError} from './api-error.ts'
import {isJsonObject, jsonName} from './json.ts'

/**
 * Checks JSON against a message type as Google's front end does, and brings it to the canonical form of proto3 JSON:
 * camelCase names, 64-bit numbers and bytes as text, enums by name, `null` left out. Presence is kept: `{}` stays `{}`.
 * @throws ApiError INVALID_ARGUMENT for an unknown field or a value of the wrong type
 */
export function checkMessage(type: protobuf.Type, json: unknown, path = ''): Record<string, unknown> {
  if (!isJsonObject(json)) throw invalidValue(path, type.name, json)
  const result: Record<string, unknown> = {}
  for (const name of Object.keys(json)) {
    const value = json[name]
    const field = fieldOf(type, name)
    if (!field) {
      const at = path === '' ? '' : ` at '${path}'`
      throw new ApiError(
        'INVALID_ARGUMENT',
        `Invalid JSON payload received. Unknown name "${name}"${at}: Cannot find field.`,
      )
    }
    if (value === null && field.type !== 'google.protobuf.Value') continue
    result[field.name] = checkField(field, value, path === '' ? name : `${path}.${name}`)
  }
  return result
}

/** A field by its JSON name or its name in the proto file. */
export function fieldOf(type: protobuf.Type, name: string): protobuf.Field | undefined {
  return type.fields[name] ?? type.fields[jsonName(name)]
}

function checkField(field: protobuf.Field, value: unknown, path: string): unknown {
  field.resolve()
  if (field instanceof protobuf.MapField) {
    if (!isJsonObject(value)) throw invalidValue(path, 'map', value)
    const entries = {...value}
    for (const key of Object.keys(value)) entries[key] = checkValue(field, value[key], `${path}[${key}]`)
    return entries
  }
  if (field.repeated) {
    if (!Array.isArray(value)) throw invalidValue(path, 'list', value)
    return value.map((entry: unknown, index) => checkValue(field, entry, `${path}[${index}]`))
  }
  return checkValue(field, value, path)
}

function checkValue(field: protobuf.Field, value: unknown, path: string): unknown {
  const {resolvedType} = field
  if (resolvedType instanceof protobuf.Enum) return checkEnum(resolvedType, value, path)
  if (resolvedType instanceof protobuf.Type) {
    const check = wellKnown(resolvedType)
    return check === undefined ? checkMessage(resolvedType, value, path) : check(value, path)
  }
  return checkScalar(field.type, value, path)
}

function checkEnum(type: protobuf.Enum, value: unknown, path: string): string {
  if (typeof value === 'string' && value in type.values) return value
  if (typeof value === 'number') {
    const name = type.valuesById[value]
    if (name !== undefined) return name
  }
  throw invalidValue(path, type.name, value)
}

/** The last four characters of what decoding and encoding again leaves as it is. */
const CANONICAL_END = /^(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$/

/** A repeated group would need a stack as deep as the text is long. */
function canonicalBase64(text: string): string {
  const isCanonical = text.length % 4 === 0 && CANONICAL_END.test(text.slice(-4)) && !/[_-]/.test(text)
  return isCanonical ? text : Buffer.from(text, 'base64').toString('base64')
}

function checkScalar(type: string, value: unknown, path: string): unknown {
  switch (type) {
    case 'string':
      if (typeof value === 'string') return value
      break
    case 'bool':
      if (typeof value === 'boolean') return value
      if (value === 'true' || value === 'false') return value === 'true'
      break
    case 'bytes':
      if (typeof value === 'string' && /^[A-Za-z0-9+/_-]*={0,2}$/.test(value)) return canonicalBase64(value)
      break
    case 'double':
    case 'float':
      if (typeof value === 'number') return value
      if (typeof value === 'string' && value.trim() !== '' && !Number.isNaN(Number(value)))
        return Number(value)
      break
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value)
      if (typeof value === 'string' && /^-?\d{1,19}$/.test(value)) return value
      break
    default:
      if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= 2 ** 32) return value
      if (typeof value === 'string' && /^-?\d{1,10}$/.test(value)) return Number(value)
  }
  throw invalidValue(path, `TYPE_${type.toUpperCase()}`, value)
}

type Check = (value: unknown, path: string) => unknown

/** A type puts its full name together each time. */
const checks = new WeakMap<protobuf.Type, {readonly check: Check | undefined}>()

function wellKnown(type: protobuf.Type): Check | undefined {
  let known = checks.get(type)
  if (known === undefined) {
    known = {check: WELL_KNOWN[type.fullName]}
    checks.set(type, known)
  }
  return known.check
}

const textMatching = (name: string, pattern: RegExp) => (value: unknown, path: string) => {
  if (typeof value !== 'string' || !pattern.test(value)) throw invalidValue(path, name, value)
  return value
}
const anyRecord = (value: unknown, path: string): unknown => {
  if (!isJsonObject(value)) throw invalidValue(path, 'object', value)
  return value
}
const anyList = (value: unknown, path: string): unknown => {
  if (!Array.isArray(value)) throw invalidValue(path, 'list', value)
  return value
}
const wrapper = (type: string) => (value: unknown, path: string) => checkScalar(type, value, path)

const WELL_KNOWN: Record<string, Check> = {
  '.google.protobuf.Duration': textMatching('Duration', /^-?\d{1,12}(\.\d{1,9})?s$/),
  '.google.protobuf.Timestamp': textMatching(
    'Timestamp',
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/,
  ),
  '.google.protobuf.FieldMask': textMatching('FieldMask', /^[\w.,*-]*$/),
  '.google.protobuf.Struct': anyRecord,
  '.google.protobuf.Any': anyRecord,
  '.google.protobuf.ListValue': anyList,
  '.google.protobuf.Value': (value) => value,
  '.google.protobuf.BoolValue': wrapper('bool'),
  '.google.protobuf.StringValue': wrapper('string'),
  '.google.protobuf.BytesValue': wrapper('bytes'),
  '.google.protobuf.DoubleValue': wrapper('double'),
  '.google.protobuf.FloatValue': wrapper('float'),
  '.google.protobuf.Int64Value': wrapper('int64'),
  '.google.protobuf.UInt64Value': wrapper('uint64'),
  '.google.protobuf.Int32Value': wrapper('int32'),
  '.google.protobuf.UInt32Value': wrapper('uint32'),
}

function invalidValue(path: string, type: string, value: unknown): ApiError {
  const shown = JSON.stringify(value) ?? 'undefined'
  return new ApiError(
    'INVALID_ARGUMENT',
    `Invalid value at '${path}' (${type}), ${shown.length > 100 ? `${shown.slice(0, 100)}…` : shown}`,
  )
}
