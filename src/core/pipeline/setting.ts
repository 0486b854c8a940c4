import {isJsonObject} from '../json.ts'
import {parseDuration} from './duration.ts'

/** How a setting is a variable of the Terraform module. */
export interface ModuleVariable {
  readonly type: string
  /** What a value must be; follows "must be". */
  readonly rule: string
  /** @param variable such as `var.cpu` @returns Terraform's expression that a valid value meets; `undefined`: any is */
  readonly condition: (variable: string) => string | undefined
}

/**
 * One row of the table of settings. Everything else about a setting derives from its row: JSON Schema, environment
 * variable, flag, variable of the Terraform module, line of the READMEs.
 */
export interface Setting<T, D extends T | undefined = T | undefined> {
  /** Says what the setting does; names other settings as `cloud-runner.json` writes them. */
  readonly description: string
  /** What a value must be; follows "must be". */
  readonly rule: string
  /** A valid value, as text. */
  readonly example: string
  readonly default: D
  /** Markdown; `undefined`: none. */
  readonly defaultText: string | undefined
  /** JSON Schema of the value in `cloud-runner.json`. */
  readonly schema: Readonly<Record<string, unknown>>
  /**
   * @param value from JSON or, as text, from the environment and flags
   * @returns `undefined` if the value breaks the rule
   */
  readonly parse: (value: unknown) => T | undefined
  /** The value's placeholder in the help of `setup`; `undefined`: not a flag of `setup`. */
  readonly flag: string | undefined
  /** `undefined`: the module does not have it, or words it differently. */
  readonly variable: ModuleVariable | undefined
  /** For values that add up instead of replacing each other: `parse` of all given, from the lowest layer to the highest. */
  readonly combine?: (given: readonly unknown[]) => T | undefined
}

interface Row {
  readonly description: string
  /** Words for a default that depends; otherwise `default` itself is shown. */
  readonly defaultText?: string
  readonly flag?: string
  /** `false`: the module does not have it, or words it differently. */
  readonly variable?: false
}

/** A text that matches a pattern. */
export function text<D extends string | undefined>(
  row: Row & {readonly rule: string; readonly example: string; readonly default: D; readonly pattern: RegExp},
): Setting<string, D> {
  const {description, rule, example, pattern, flag} = row
  return {
    description,
    rule,
    example,
    default: row.default,
    defaultText: row.defaultText ?? shown(row.default),
    schema: {type: 'string', pattern: pattern.source},
    parse: (value) => (typeof value === 'string' && pattern.test(value) ? value : undefined),
    flag,
    variable: moduleVariable(row, {
      type: 'string',
      rule,
      condition: (variable) => {
        const matches = `can(regex(${inTerraform(pattern)}, ${variable}))`
        return row.default === undefined ? `${variable} == null || ${matches}` : matches
      },
    }),
  }
}

/** A whole number within bounds. */
export function integer<D extends number | undefined>(
  row: Row & {
    readonly default: D
    readonly minimum: number
    readonly maximum: number
    /** Whether 0 is valid below the minimum: off. */
    readonly orZero?: boolean
  },
): Setting<number, D> {
  const {description, minimum, maximum, orZero = false, flag} = row
  const rule = `${orZero ? '0, or ' : ''}a whole number from ${minimum} to ${maximum}`
  return {
    description,
    rule,
    example: String(row.default ?? minimum),
    default: row.default,
    defaultText: row.defaultText ?? shown(row.default),
    schema: {
      type: 'integer',
      ...(orZero ? {anyOf: [{const: 0}, {minimum, maximum}]} : {minimum, maximum}),
      ...(row.default === undefined ? {} : {default: row.default}),
    },
    parse(value) {
      const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
      if (typeof number !== 'number' || !Number.isInteger(number)) return undefined
      return (number >= minimum && number <= maximum) || (orZero && number === 0) ? number : undefined
    },
    flag,
    variable: moduleVariable(row, {
      type: 'number',
      rule,
      condition(variable) {
        const bounds = `${variable} >= ${minimum} && ${variable} <= ${maximum} && floor(${variable}) == ${variable}`
        const isWithin = orZero ? `${variable} == 0 || (${bounds})` : bounds
        // Terraform evaluates both sides of an operator, and null compares with nothing.
        return row.default === undefined ? `${variable} == null || try(${isWithin}, false)` : isWithin
      },
    }),
  }
}

/** A duration of whole seconds; the parsed value is in seconds. */
export function duration(
  row: Row & {readonly default: string; readonly minimum: string; readonly maximum: string},
): Setting<number, number> {
  const {description, flag} = row
  const minimum = secondsOf(row.minimum)
  const maximum = secondsOf(row.maximum)
  return {
    description,
    rule: `a duration from ${row.minimum} to ${row.maximum}, such as 30s, 9m, 2h or 7d`,
    example: row.default,
    default: secondsOf(row.default),
    defaultText: row.defaultText ?? shown(row.default),
    schema: {type: 'string', pattern: String.raw`^(\d+(\.\d+)?(ms|[smhd]))+$`, default: row.default},
    parse(value) {
      const seconds = typeof value === 'string' ? secondsOf(value) : Number.NaN
      return seconds >= minimum && seconds <= maximum && Number.isInteger(seconds) ? seconds : undefined
    },
    flag,
    variable: moduleVariable(row, {
      type: 'number',
      rule: `${minimum} to ${maximum} seconds`,
      condition: (variable) => `${variable} >= ${minimum} && ${variable} <= ${maximum}`,
    }),
  }
}

/** One of some words. */
export function choice<const T extends string, D extends T | undefined>(
  row: Row & {readonly of: readonly T[]; readonly default: D},
): Setting<T, D> {
  const {of, description, flag} = row
  const rule = `${of.slice(0, -1).join(', ')} or ${of.at(-1) ?? ''}`
  return {
    description,
    rule,
    example: row.default ?? of[0] ?? '',
    default: row.default,
    defaultText: row.defaultText ?? shown(row.default),
    schema: {enum: of, ...(row.default === undefined ? {} : {default: row.default})},
    parse: (value) => of.find((word) => word === value),
    flag,
    variable: moduleVariable(row, {
      type: 'string',
      rule,
      condition: (variable) => {
        const isOne = `contains(${JSON.stringify(of).replaceAll(',', ', ')}, ${variable})`
        return row.default === undefined ? `${variable} == null || try(${isOne}, false)` : isOne
      },
    }),
  }
}

/** Yes or no. */
export function toggle(row: Row & {readonly default: boolean}): Setting<boolean, boolean> {
  return {
    description: row.description,
    rule: 'true or false',
    example: String(!row.default),
    default: row.default,
    defaultText: row.defaultText ?? shown(row.default),
    schema: {type: 'boolean', default: row.default},
    parse: (value) => (typeof value === 'boolean' ? value : {true: true, false: false}[String(value)]),
    flag: row.flag,
    variable: moduleVariable(row, {type: 'bool', rule: 'true or false', condition: () => undefined}),
  }
}

/** Texts by name. As text, from the environment and flags: `NAME=value`, several separated by line breaks. */
export type Entries = Readonly<Record<string, string>>

/** Texts by name: variables, labels. Those of the file, its pipeline and the flags add up. */
export function entries(
  row: Row & {
    readonly rule: string
    readonly example: string
    readonly names: RegExp
    readonly values: RegExp
  },
): Setting<Entries, Entries> {
  const {description, rule, example, names, values, flag} = row
  return {
    description,
    rule,
    example,
    default: {},
    defaultText: undefined,
    schema: {
      type: 'object',
      propertyNames: {pattern: names.source},
      additionalProperties: {type: 'string', pattern: values.source},
    },
    ...parsing((name, assigned) => names.test(name) && values.test(assigned)),
    flag,
    variable: moduleVariable(row, {
      type: 'map(string)',
      rule,
      condition: (variable) =>
        `alltrue([for name, value in ${variable} : can(regex(${inTerraform(names)}, name)) && can(regex(${inTerraform(values)}, value))])`,
    }),
  }
}

/** Some of a few named texts. */
export function fields(
  row: Row & {readonly rule: string; readonly example: string; readonly of: Readonly<Record<string, RegExp>>},
): Setting<Entries, Entries> {
  const {description, rule, example, flag} = row
  const of = new Map<string, RegExp>(Object.entries(row.of))
  return {
    description,
    rule,
    example,
    default: {},
    defaultText: undefined,
    schema: {
      type: 'object',
      properties: Object.fromEntries(
        [...of].map(([name, {source}]) => [name, {type: 'string', pattern: source}]),
      ),
      additionalProperties: false,
    },
    ...parsing((name, assigned) => of.get(name)?.test(assigned) ?? false),
    flag,
    variable: moduleVariable(row, {
      type: `object({ ${[...of.keys()].map((name) => `${name} = optional(string)`).join(', ')} })`,
      rule,
      condition: (variable) =>
        [...of]
          .map(
            ([name, pattern]) =>
              `try(${variable}.${name} == null || can(regex(${inTerraform(pattern)}, ${variable}.${name})), false)`,
          )
          .join(' && '),
    }),
  }
}

function parsing(
  isValid: (name: string, assigned: string) => boolean,
): Pick<Setting<Entries>, 'parse' | 'combine'> {
  const parse = (value: unknown): Entries | undefined => {
    const given = readEntries(value)
    return given?.every(([name, assigned]) => isValid(name, assigned)) ? Object.fromEntries(given) : undefined
  }
  return {parse, combine: (given) => Object.assign({}, ...given.map(parse))}
}

/** @returns `undefined` if the value is neither an object of texts nor lines `NAME=value` */
function readEntries(value: unknown): [name: string, assigned: string][] | undefined {
  const pairs: [string, unknown][] =
    typeof value === 'string'
      ? value.split('\n').map((line) => {
          const [, name = '', assigned] = /^([^=]*)=(.*)$/s.exec(line) ?? []
          return [name, assigned]
        })
      : isJsonObject(value)
        ? Object.entries(value)
        : [['', undefined]]
  const texts = pairs.flatMap(([name, assigned]): [string, string][] =>
    typeof assigned === 'string' ? [[name, assigned]] : [],
  )
  return texts.length === pairs.length ? texts : undefined
}

/** A pattern as Terraform's regular expressions, RE2, write it in a quoted string. */
function inTerraform({source}: RegExp): string {
  return JSON.stringify(
    source
      .replaceAll(String.raw`\d`, '[0-9]')
      .replaceAll('(?:', '(')
      .replaceAll('[^]', String.raw`[\s\S]`),
  )
}

function moduleVariable(row: Row, variable: ModuleVariable): ModuleVariable | undefined {
  return row.variable === false ? undefined : variable
}

function shown(value: string | number | boolean | undefined): string | undefined {
  return value === undefined ? undefined : `\`${value}\``
}

/** NaN if the text is not a duration. */
function secondsOf(given: string): number {
  return (parseDuration(given) ?? Number.NaN) / 1000
}
