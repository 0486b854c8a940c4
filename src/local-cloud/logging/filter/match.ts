import {hash} from 'node:crypto'
import {BlockList, isIP, isIPv6} from 'node:net'
import {ApiError} from '../../wire/api-error.ts'
import type {LogEntry} from '../log-sink.ts'
import {findField, type Field, type FieldType} from './fields.ts'
import {parseFilter, type Expression, type TestFunction, type Value} from './parse.ts'
import {filterError, type Operator} from './tokens.ts'
import {parseBoolean, parseDuration, parseNumber, parseSeverity, parseTimestamp} from './values.ts'
import {isJsonObject} from '../../wire/json.ts'

/** A compiled filter: `matches` tests an entry, `expression` is for finding bounds. */
export interface Filter {
  readonly expression: Expression
  readonly matches: (entry: LogEntry) => boolean
}

type Predicate = (entry: LogEntry) => boolean
/** Decides about one value in an entry. */
type Test = (value: unknown) => boolean

/**
 * Compiles a filter of the Logging query language; an empty one matches everything.
 * @throws ApiError INVALID_ARGUMENT with the place for what cannot be parsed and fields that LogEntry has not
 */
export function compileFilter(filter: string): Filter {
  const expression = parseFilter(filter)
  return {expression, matches: compile(expression, filter)}
}

function compile(expression: Expression, filter: string): Predicate {
  switch (expression.kind) {
    case 'and': {
      const terms = expression.terms.map((term) => compile(term, filter))
      return (entry) => terms.every((term) => term(entry))
    }
    case 'or': {
      const terms = expression.terms.map((term) => compile(term, filter))
      return (entry) => terms.some((term) => term(entry))
    }
    case 'not': {
      const term = compile(expression.term, filter)
      return (entry) => !term(entry)
    }
    case 'global': {
      const text = fold(expression.value.text)
      return (entry) => contains(entry, text)
    }
    case 'comparison':
    default:
      return compileComparison(expression, filter)
  }
}

function compileComparison(comparison: Expression & {kind: 'comparison'}, filter: string): Predicate {
  const field = findField(comparison.path)
  if ('undefinedField' in field) {
    throw filterError(
      filter,
      comparison.at,
      `field not found: '${field.undefinedField}' is not a field of LogEntry,`,
    )
  }
  const {operator, value} = comparison
  if (operator === ':' && value.text === '*' && !value.quoted)
    return (entry) => valuesAt(entry, field.keys).some(isPresent)
  if (isObjectType(field.type) && operator !== ':') {
    throw filterError(
      filter,
      comparison.at,
      `'${field.keys.join('.')}' has fields of its own; name one of them, or use ':',`,
    )
  }
  const test = compileTest(field, operator, value, filter)
  return (entry) => {
    const values = valuesAt(entry, field.keys)
    return values.length === 0 ? field.hasDefault && test(defaultOf(field.type)) : values.some(test)
  }
}

function compileTest(field: Field, operator: Operator | TestFunction, value: Value, filter: string): Test {
  if (operator === 'ip_in_net') return netTest(value, filter)
  if (operator === 'sample') return sampleTest(value, filter)
  if (operator === '=~' || operator === '!~') {
    const pattern = regularExpression(value, filter)
    return (found) => typeof found === 'string' && pattern.test(found) === (operator === '=~')
  }
  switch (field.type) {
    case 'string':
      return textTest(operator, value.text)
    case 'boolean':
      return booleanTest(operator, value.text)
    case 'number':
      return convertedTest(operator, parseNumber(value.text), (found) => parseNumber(String(found)))
    case 'duration':
      return convertedTest(operator, parseDuration(value.text), (found) => parseDuration(String(found)))
    case 'severity':
      return convertedTest(operator, parseSeverity(value.text), (found) => parseSeverity(String(found)))
    case 'timestamp':
      return convertedTest(operator, parseTimestamp(value.text), (found) => parseTimestamp(String(found)))
    case 'dynamic':
      return dynamicTest(operator, value)
    case 'map':
    default: {
      const text = fold(value.text)
      return (found) => contains(found, text)
    }
  }
}

/** Addresses of IPv4 or IPv6 in a net such as `10.1.2.0/24`. */
function netTest({text, at}: Value, filter: string): Test {
  const [net = '', bits = ''] = text.split('/')
  const largest = isIPv6(net) ? 128 : 32
  if (isIP(net) === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > largest)
    throw filterError(filter, at, `invalid argument: '${text}' is not a net such as 10.1.2.0/24,`)
  const list = new BlockList()
  list.addSubnet(net, Number(bits), familyOf(net))
  return (found) => typeof found === 'string' && isIP(found) !== 0 && list.check(found, familyOf(found))
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4'
}

/** A fraction of all values, the same ones each time. */
function sampleTest({text, at}: Value, filter: string): Test {
  const fraction = parseNumber(text)
  if (fraction === undefined || fraction <= 0 || fraction > 1)
    throw filterError(filter, at, `invalid argument: '${text}' is not a fraction above 0 and up to 1,`)
  return (found) => hash('sha256', String(found), 'buffer').readUInt32BE() / 2 ** 32 < fraction
}

/** In a payload the entry's own value has the type, and the filter's is converted to it. */
function dynamicTest(operator: Operator, value: Value): Test {
  const text = textTest(operator, value.text)
  const boolean = booleanTest(operator, value.text)
  const number = convertedTest(operator, parseNumber(value.text), (found) =>
    typeof found === 'number' ? found : undefined,
  )
  const folded = fold(value.text)
  const isNull = !value.quoted && folded === 'null_value'
  return (found) => {
    if (typeof found === 'string') return text(found)
    if (typeof found === 'number') return number(found)
    if (typeof found === 'boolean') return boolean(found)
    if (found === null) return operator === '!=' ? !isNull : isNull && (operator === '=' || operator === ':')
    return operator === ':' && contains(found, folded)
  }
}

/** Equality and `:` disregard case; order is that of insert ids in `entries.list`, by character. */
function textTest(operator: Operator, text: string): Test {
  const folded = fold(text)
  if (operator === ':') return (found) => typeof found === 'string' && fold(found).includes(folded)
  if (operator === '=') return (found) => typeof found === 'string' && fold(found) === folded
  if (operator === '!=') return (found) => typeof found === 'string' && fold(found) !== folded
  return (found) => typeof found === 'string' && compare(operator, found, text)
}

function booleanTest(operator: Operator, text: string): Test {
  const wanted = parseBoolean(text)
  if (wanted === undefined) return () => false
  if (operator === '!=') return (found) => found !== wanted
  return (found) => (operator === '=' || operator === ':') && found === wanted
}

/** A value that cannot be converted matches nothing. */
function convertedTest<T extends number | string>(
  operator: Operator,
  wanted: T | undefined,
  convert: (found: unknown) => T | undefined,
): Test {
  if (wanted === undefined) return () => false
  return (found) => {
    const converted = convert(found)
    return converted !== undefined && compare(operator, converted, wanted)
  }
}

function compare<T extends number | string>(operator: Operator, left: T, right: T): boolean {
  switch (operator) {
    case '=':
    case ':':
      return left === right
    case '!=':
      return left !== right
    case '<':
      return left < right
    case '<=':
      return left <= right
    case '>':
      return left > right
    case '>=':
      return left >= right
    // Regular expressions are tested as such.
    case '=~':
    case '!~':
    default:
      return false
  }
}

/** Whether any value in it, at any depth, has the folded `text` (numbers and booleans: is it), or a key is it. */
function contains(found: unknown, text: string): boolean {
  if (typeof found === 'string') return fold(found).includes(text)
  if (typeof found === 'number' || typeof found === 'boolean') return String(found) === text
  if (Array.isArray(found)) return found.some((item) => contains(item, text))
  if (isJsonObject(found))
    return Object.entries(found).some(([key, value]) => fold(key) === text || contains(value, text))
  return false
}

/** The values under a path: none if it is missing, several if it crosses a list. */
function valuesAt(root: unknown, keys: readonly string[]): unknown[] {
  let values: unknown[] = [root]
  for (const key of keys) {
    values = values.flatMap((value) => {
      const found = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
      return found === undefined ? [] : Array.isArray(found) ? found : [found]
    })
  }
  return values
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== ''
}

function isObjectType(type: FieldType): boolean {
  return type === 'map' || typeof type === 'object'
}

function defaultOf(type: FieldType): unknown {
  if (type === 'string') return ''
  if (type === 'boolean') return false
  if (type === 'number') return 0
  if (type === 'severity') return 'DEFAULT'
  if (type === 'duration') return '0s'
  if (type === 'timestamp') return '1970-01-01T00:00:00Z'
  return undefined
}

function fold(text: string): string {
  return text.toLowerCase()
}

const NOT_IN_RE2 = /\(\?(?:[=!]|<[=!])|(?<=(?:^|[^\\])(?:\\\\)*)\\[1-9]/
const LEADING_FLAGS = /^\(\?([ims]+)\)/

/** Google's expressions are RE2, with case, found anywhere in the text; what RE2 refuses is refused here. */
function regularExpression({text, at}: Value, filter: string): RegExp {
  const refused = NOT_IN_RE2.exec(text)
  if (refused)
    throw filterError(filter, at, `invalid regular expression: '${refused[0]}' is not part of RE2,`)
  const flags = LEADING_FLAGS.exec(text)?.[1] ?? ''
  try {
    return new RegExp(
      text.replace(LEADING_FLAGS, '').replaceAll('(?P<', '(?<'),
      `u${[...new Set(flags)].join('')}`,
    )
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ApiError(
      'INVALID_ARGUMENT',
      `${filterError(filter, at, 'invalid regular expression').message}: ${reason}`,
    )
  }
}
