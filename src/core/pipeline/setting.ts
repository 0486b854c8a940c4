import {parseDuration} from './duration.ts'

/** How a setting is a variable of the Terraform module. */
export interface ModuleVariable {
  readonly type: 'string' | 'number'
  /** What a value must be; follows "must be". */
  readonly rule: string
  /** @param variable such as `var.cpu` @returns Terraform's expression that a valid value meets */
  readonly condition: (variable: string) => string
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
  // Terraform's regular expressions are RE2, written in a quoted string.
  const inTerraform = pattern.source.replaceAll(String.raw`\d`, '[0-9]').replaceAll(/\(\?:/g, '(')
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
        const matches = `can(regex(${JSON.stringify(inTerraform)}, ${variable}))`
        return row.default === undefined ? `${variable} == null || ${matches}` : matches
      },
    }),
  }
}

/** A whole number within bounds. */
export function integer(
  row: Row & {readonly default: number; readonly minimum: number; readonly maximum: number},
): Setting<number, number> {
  const {description, minimum, maximum, flag} = row
  const rule = `a whole number from ${minimum} to ${maximum}`
  return {
    description,
    rule,
    example: String(row.default),
    default: row.default,
    defaultText: row.defaultText ?? shown(row.default),
    schema: {type: 'integer', minimum, maximum, default: row.default},
    parse(value) {
      const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
      return typeof number === 'number' && Number.isInteger(number) && number >= minimum && number <= maximum
        ? number
        : undefined
    },
    flag,
    variable: moduleVariable(row, {
      type: 'number',
      rule,
      condition: (variable) =>
        `${variable} >= ${minimum} && ${variable} <= ${maximum} && floor(${variable}) == ${variable}`,
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

function moduleVariable(row: Row, variable: ModuleVariable): ModuleVariable | undefined {
  return row.variable === false ? undefined : variable
}

function shown(value: string | number | undefined): string | undefined {
  return value === undefined ? undefined : `\`${value}\``
}

/** NaN if the text is not a duration. */
function secondsOf(given: string): number {
  return (parseDuration(given) ?? Number.NaN) / 1000
}
