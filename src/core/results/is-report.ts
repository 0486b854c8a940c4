import type {Report} from '../../../worker/contract.ts'
import format from '../../../worker/report.schema.json' with {type: 'json'}
import {isJsonObject} from '../json.ts'

/** The keywords in `worker/report.schema.json` that decide whether a report can be shown; a version may gain values of an `enum`. */
interface Schema {
  readonly $ref?: string
  readonly anyOf?: readonly Schema[]
  readonly const?: unknown
  readonly enum?: readonly string[]
  readonly type?: string | readonly string[]
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly minItems?: number
}

const DEFINITIONS = new Map<string, Schema>(Object.entries(format.$defs))

/**
 * Whether a `report.json` is in the format of this version: a worker of your own may write anything there. Fields that
 * the schema does not have are fine, as a version may gain some.
 */
export function isReport(value: unknown): value is Report {
  return fits(value, format)
}

function fits(value: unknown, schema: Schema): boolean {
  const {$ref, anyOf, type, required = [], properties = {}, items = {}, minItems = 0} = schema
  if ($ref !== undefined) return fits(value, DEFINITIONS.get($ref.replace('#/$defs/', '')) ?? {})
  if (anyOf !== undefined) return anyOf.some((branch) => fits(value, branch))
  if ('const' in schema && value !== schema.const) return false
  if (type !== undefined && ![type].flat().some((one) => hasType(value, one))) return false
  if (Array.isArray(value)) return value.length >= minItems && value.every((item) => fits(item, items))
  return (
    !isJsonObject(value) ||
    (required.every((name) => Object.hasOwn(value, name)) &&
      Object.entries(properties).every(
        ([name, inner]) => !Object.hasOwn(value, name) || fits(value[name], inner),
      ))
  )
}

function hasType(value: unknown, type: string): boolean {
  if (type === 'object') return isJsonObject(value)
  if (type === 'array') return Array.isArray(value)
  if (type === 'null') return value === null
  return typeof value === (type === 'integer' ? 'number' : type)
}
