import {readFileSync} from 'node:fs'

type Schema = Readonly<Record<string, unknown>>

/**
 * Checks values against a JSON Schema file: the keywords that this project's schemas use, and an error for any other.
 * Returns the violations, each with its place.
 */
export function schemaChecker(file: URL): (value: unknown) => string[] {
  const root: unknown = JSON.parse(readFileSync(file, 'utf8'))
  return (value) => violations(value, asSchema(root), asSchema(root), '$')
}

/**
 * As {@link schemaChecker}, for a schema that allows new fields: here each field must be in it.
 * @param path of the schema in the file, key by key
 */
export function closedSchemaChecker(file: URL, path: readonly string[] = []): (value: unknown) => string[] {
  const root: unknown = JSON.parse(readFileSync(file, 'utf8'), (_key, part: unknown) =>
    isObject(part) && part['type'] === 'object' && 'properties' in part
      ? {additionalProperties: false, ...part}
      : part,
  )
  const schema = path.reduce<unknown>((part, key) => asSchema(part)[key], root)
  return (value) => violations(value, asSchema(schema), asSchema(root), '$')
}

function violations(value: unknown, schema: Schema, root: Schema, at: string): string[] {
  return Object.entries(schema).flatMap(([keyword, rule]) => check(keyword, rule, value, schema, root, at))
}

function check(
  keyword: string,
  rule: unknown,
  value: unknown,
  schema: Schema,
  root: Schema,
  at: string,
): string[] {
  const fault = (isFine: boolean): string[] =>
    isFine ? [] : [`${at}: ${JSON.stringify(value)?.slice(0, 80)} breaks ${keyword} ${JSON.stringify(rule)}`]
  switch (keyword) {
    case '$schema':
    case '$id':
    case '$defs':
    case 'definitions':
    case 'title':
    case 'description':
      return []
    case '$ref': {
      const found = String(rule)
        .split('/')
        .slice(1)
        .reduce<unknown>((part, key) => asSchema(part)[key], root)
      return violations(value, asSchema(found), root, at)
    }
    case 'anyOf': {
      const branches = list(rule).map((branch) => violations(value, asSchema(branch), root, at))
      return branches.some((found) => found.length === 0) ? [] : branches.flat()
    }
    case 'type':
      return fault([rule].flat().some((type) => hasType(value, String(type))))
    case 'enum':
      return fault(list(rule).includes(value))
    case 'const':
      return fault(value === rule)
    case 'pattern':
      return fault(typeof value !== 'string' || new RegExp(String(rule), 'v').test(value))
    case 'minimum':
      return fault(typeof value !== 'number' || value >= Number(rule))
    case 'maximum':
      return fault(typeof value !== 'number' || value <= Number(rule))
    case 'minItems':
      return fault(!Array.isArray(value) || value.length >= Number(rule))
    case 'maxItems':
      return fault(!Array.isArray(value) || value.length <= Number(rule))
    case 'items':
      return list(value).flatMap((item, i) =>
        violations(item, asSchema(Array.isArray(rule) ? rule[i] : rule), root, `${at}[${i}]`),
      )
    case 'required':
      return list(rule).flatMap((key) =>
        isObject(value) && !(String(key) in value) ? [`${at}: ${String(key)} is lacking`] : [],
      )
    case 'properties':
      return Object.entries(asSchema(rule)).flatMap(([key, inner]) =>
        isObject(value) && key in value ? violations(value[key], asSchema(inner), root, `${at}.${key}`) : [],
      )
    case 'additionalProperties':
      return Object.entries(isObject(value) ? value : {}).flatMap(([key, entry]) => {
        if (isObject(schema['properties']) && key in schema['properties']) return []
        if (rule === false) return [`${at}: ${key} is not in the schema`]
        return isObject(rule) ? violations(entry, rule, root, `${at}.${key}`) : []
      })
    default:
      throw new Error(`The keyword ${keyword} is not checked yet`)
  }
}

function hasType(value: unknown, type: string): boolean {
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'integer') return Number.isInteger(value)
  if (type === 'object') return isObject(value)
  return typeof value === type
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function asSchema(value: unknown): Schema {
  if (!isObject(value)) throw new Error('A schema is an object')
  return value
}
