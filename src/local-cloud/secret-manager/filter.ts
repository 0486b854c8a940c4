import {type Expression, parseFilter} from '../logging/filter/parse.ts'
import {ApiError} from '../wire/api-error.ts'
import {isJsonObject, jsonName} from '../wire/json.ts'

type Predicate = (resource: object) => boolean
type Comparison = Extract<Expression, {kind: 'comparison'}>

/**
 * Compiles the filter of a list (https://cloud.google.com/secret-manager/docs/filtering); an empty one matches
 * everything. A field may be given by its name in the proto file or in JSON; of a list, one match is enough.
 * @throws ApiError INVALID_ARGUMENT for what cannot be parsed and for regular expressions
 */
export function compileFilter(filter: string): Predicate {
  return compile(parseFilter(filter))
}

function compile(expression: Expression): Predicate {
  switch (expression.kind) {
    case 'and':
    case 'or': {
      const terms = expression.terms.map(compile)
      return expression.kind === 'and'
        ? (resource) => terms.every((term) => term(resource))
        : (resource) => terms.some((term) => term(resource))
    }
    case 'not': {
      const term = compile(expression.term)
      return (resource) => !term(resource)
    }
    case 'global':
      return (resource) => valuesAt(resource, ['name']).some(containing(expression.value.text))
    case 'comparison':
    default:
      return compileComparison(expression)
  }
}

function compileComparison({path, operator, value: {text, quoted}}: Comparison): Predicate {
  const [first, ...rest] = path.map((segment) => segment.text)
  // The keys of labels and annotations are not names of fields.
  const isMap = ['labels', 'annotations'].includes(first ?? '')
  const segments = [jsonName(first ?? ''), ...(isMap ? rest : rest.map(jsonName))]
  const test = testOf(operator, text, quoted)
  return (resource) => valuesAt(resource, segments).some(test)
}

function testOf(
  operator: Comparison['operator'],
  text: string,
  quoted: boolean,
): (value: unknown) => boolean {
  const order = (value: unknown): number => compare(String(value), text)
  switch (operator) {
    case ':':
      return text === '*' && !quoted ? () => true : containing(text)
    case '=':
      return (value) => String(value) === text || idOf(value) === text
    case '!=':
      return (value) => String(value) !== text && idOf(value) !== text
    case '<':
      return (value) => order(value) < 0
    case '<=':
      return (value) => order(value) <= 0
    case '>':
      return (value) => order(value) > 0
    case '>=':
      return (value) => order(value) >= 0
    case '=~':
    case '!~':
    case 'ip_in_net':
    case 'sample':
    default:
      throw new ApiError(
        'INVALID_ARGUMENT',
        'Unparseable filter: regular expressions and functions are not supported.',
      )
  }
}

/** Of a map, its keys too, as `labels:environment` asks for; of a resource name, its last part. */
function containing(text: string): (value: unknown) => boolean {
  const folded = text.toLowerCase()
  return (value) =>
    isJsonObject(value)
      ? Object.keys(value).some((key) => key.toLowerCase() === folded)
      : idOf(value).toLowerCase().includes(folded)
}

function idOf(value: unknown): string {
  const text = String(value)
  return text.startsWith('projects/') ? text.slice(text.lastIndexOf('/') + 1) : text
}

/** Times as times, numbers as numbers, anything else as text. */
function compare(value: string, text: string): number {
  const convert = /^\d{4}-\d\d-\d\d/.test(value) ? Date.parse : Number
  const [left, right] = [convert(value), convert(text)]
  if (Number.isNaN(left) || Number.isNaN(right)) return value < text ? -1 : Number(value > text)
  return left - right
}

function valuesAt(value: unknown, path: readonly string[]): unknown[] {
  if (Array.isArray(value)) return value.flatMap((each: unknown) => valuesAt(each, path))
  const [name, ...rest] = path
  if (name === undefined) return value === undefined ? [] : [value]
  return isJsonObject(value) && Object.hasOwn(value, name) ? valuesAt(value[name], rest) : []
}
