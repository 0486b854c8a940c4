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
  /** Whether it changes how the local cloud behaves; otherwise it is only stored there. */
  readonly hasLocalEffect: boolean
  /** For values that add up instead of replacing each other: `parse` of all given, from the lowest layer to the highest. */
  readonly combine?: (given: readonly unknown[]) => T | undefined
}

interface Row<D> {
  readonly description: string
  readonly default: D
  /** Words for a default that depends; otherwise `default` itself is shown. */
  readonly defaultText?: string
  readonly flag?: string
  /** `false`: the module does not have it, or words it differently. */
  readonly variable?: false
  /** `false`: the local cloud stores it, without effect. */
  readonly localEffect?: false
}

/** A text that matches a pattern. */
export function text<D extends string | undefined>(
  row: Row<D> & {readonly rule: string; readonly example: string; readonly pattern: RegExp},
): Setting<string, D> {
  const {pattern} = row
  return setting(row, {
    rule: row.rule,
    example: row.example,
    schema: {type: 'string', pattern: pattern.source},
    parse: (value: unknown) => (typeof value === 'string' && pattern.test(value) ? value : undefined),
    type: 'string',
    condition: (variable) => unlessNull(row, variable, matches(pattern, variable)),
  })
}

/** A whole number within bounds. */
export function integer<D extends number | undefined>(
  row: Row<D> & {
    readonly minimum: number
    readonly maximum: number
    /** Whether 0 is valid below the minimum: off. */
    readonly orZero?: boolean
  },
): Setting<number, D> {
  const {minimum, maximum, orZero = false} = row
  return setting(row, {
    rule: `${orZero ? '0, or ' : ''}a whole number from ${minimum} to ${maximum}`,
    example: String(row.default ?? minimum),
    schema: {
      type: 'integer',
      ...(orZero ? {anyOf: [{const: 0}, {minimum, maximum}]} : {minimum, maximum}),
      ...(row.default === undefined ? {} : {default: row.default}),
    },
    parse(value: unknown) {
      const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
      if (typeof number !== 'number' || !Number.isInteger(number)) return undefined
      return (number >= minimum && number <= maximum) || (orZero && number === 0) ? number : undefined
    },
    type: 'number',
    condition(variable) {
      const bounds = `${variable} >= ${minimum} && ${variable} <= ${maximum} && floor(${variable}) == ${variable}`
      return unlessNull(row, variable, orZero ? `${variable} == 0 || (${bounds})` : bounds)
    },
  })
}

/** A duration of whole seconds; the parsed value is in seconds. */
export function duration(
  row: Row<string> & {readonly minimum: string; readonly maximum: string},
): Setting<number, number> {
  const minimum = secondsOf(row.minimum)
  const maximum = secondsOf(row.maximum)
  return {
    ...setting(row, {
      rule: `a duration from ${row.minimum} to ${row.maximum}, such as 30s, 9m, 2h or 7d`,
      example: row.default,
      schema: {type: 'string', pattern: String.raw`^(\d+(\.\d+)?(ms|[smhd]))+$`, default: row.default},
      parse(value: unknown) {
        const seconds = typeof value === 'string' ? secondsOf(value) : Number.NaN
        return seconds >= minimum && seconds <= maximum && Number.isInteger(seconds) ? seconds : undefined
      },
      type: 'number',
      variableRule: `${minimum} to ${maximum} seconds`,
      condition: (variable) => `${variable} >= ${minimum} && ${variable} <= ${maximum}`,
    }),
    default: secondsOf(row.default),
  }
}

/** One of some words. */
export function choice<const T extends string, D extends T | undefined>(
  row: Row<D> & {readonly of: readonly T[]},
): Setting<T, D> {
  const {of} = row
  return setting(row, {
    rule: `${of.slice(0, -1).join(', ')} or ${of.at(-1) ?? ''}`,
    example: row.default ?? of[0] ?? '',
    schema: {enum: of, ...(row.default === undefined ? {} : {default: row.default})},
    parse: (value: unknown) => of.find((word) => word === value),
    type: 'string',
    condition: (variable) =>
      unlessNull(row, variable, `contains(${JSON.stringify(of).replaceAll(',', ', ')}, ${variable})`),
  })
}

/** Yes or no. */
export function toggle(row: Row<boolean>): Setting<boolean, boolean> {
  return setting(row, {
    rule: 'true or false',
    example: String(!row.default),
    schema: {type: 'boolean', default: row.default},
    parse: (value: unknown) =>
      typeof value === 'boolean' ? value : {true: true, false: false}[String(value)],
    type: 'bool',
    condition: () => undefined,
  })
}

/** Texts by name. As text, from the environment and flags: `NAME=value`, several separated by line breaks. */
export type Entries = Readonly<Record<string, string>>

type EntriesRow = Omit<Row<Entries>, 'default'> & {readonly rule: string; readonly example: string}

/** Texts by name: variables, labels. Those of the file, its pipeline and the flags add up. */
export function entries(
  row: EntriesRow & {readonly names: RegExp; readonly values: RegExp},
): Setting<Entries, Entries> {
  const {names, values} = row
  return entriesSetting(row, {
    isValid: (name, assigned) => names.test(name) && values.test(assigned),
    schema: {
      propertyNames: {pattern: names.source},
      additionalProperties: {type: 'string', pattern: values.source},
    },
    type: 'map(string)',
    condition: (variable) =>
      `alltrue([for name, value in ${variable} : ${matches(names, 'name')} && ${matches(values, 'value')}])`,
  })
}

/** Some of a few named texts. */
export function fields(
  row: EntriesRow & {readonly of: Readonly<Record<string, RegExp>>},
): Setting<Entries, Entries> {
  const of = new Map<string, RegExp>(Object.entries(row.of))
  return entriesSetting(row, {
    isValid: (name, assigned) => of.get(name)?.test(assigned) ?? false,
    schema: {
      properties: Object.fromEntries(
        [...of].map(([name, {source}]) => [name, {type: 'string', pattern: source}]),
      ),
      additionalProperties: false,
    },
    type: `object({ ${[...of.keys()].map((name) => `${name} = optional(string)`).join(', ')} })`,
    condition: (variable) =>
      [...of]
        .map(
          ([name, pattern]) =>
            `try(${variable}.${name} == null || ${matches(pattern, `${variable}.${name}`)}, false)`,
        )
        .join(' && '),
  })
}

type Kind<T> = Pick<Setting<T>, 'rule' | 'example' | 'schema' | 'parse' | 'combine'> &
  Pick<ModuleVariable, 'type' | 'condition'> & {
    /** Where the module's unit is another. */
    readonly variableRule?: string
  }

/** A row of one kind. */
function setting<T, D extends string | number | boolean | undefined>(
  {description, default: value, defaultText, flag, variable, localEffect}: Row<D>,
  {type, condition, variableRule, ...kind}: Kind<T>,
): Omit<Setting<T>, 'default'> & {readonly default: D} {
  return {
    ...kind,
    description,
    default: value,
    defaultText: defaultText ?? (value === undefined ? undefined : `\`${value}\``),
    flag,
    hasLocalEffect: localEffect !== false,
    variable: variable === false ? undefined : {type, condition, rule: variableRule ?? kind.rule},
  }
}

function entriesSetting(
  row: EntriesRow,
  {
    isValid,
    schema,
    ...kind
  }: Pick<Kind<Entries>, 'schema' | 'type' | 'condition'> & {
    readonly isValid: (name: string, assigned: string) => boolean
  },
): Setting<Entries, Entries> {
  const parse = (value: unknown): Entries | undefined => {
    const given = readEntries(value)
    return given?.every(([name, assigned]) => isValid(name, assigned)) ? Object.fromEntries(given) : undefined
  }
  return {
    ...setting(
      {...row, default: undefined},
      {
        ...kind,
        rule: row.rule,
        example: row.example,
        schema: {type: 'object', ...schema},
        parse,
        combine: (given) => Object.assign({}, ...given.map(parse)),
      },
    ),
    default: {},
  }
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

/** Terraform's expression that a pattern matches; its regular expressions are RE2, in a quoted string. */
function matches({source}: RegExp, expression: string): string {
  const pattern = JSON.stringify(source.replaceAll(String.raw`\d`, '[0-9]').replaceAll('(?:', '('))
  return `can(regex(${pattern}, ${expression}))`
}

/** A condition on a variable that may be null, with which Terraform compares nothing: it evaluates both sides. */
function unlessNull(row: {readonly default: unknown}, variable: string, condition: string): string {
  if (row.default !== undefined) return condition
  return `${variable} == null || ${condition.startsWith('can(') ? condition : `try(${condition}, false)`}`
}

/** NaN if the text is not a duration. */
function secondsOf(given: string): number {
  return (parseDuration(given) ?? Number.NaN) / 1000
}
