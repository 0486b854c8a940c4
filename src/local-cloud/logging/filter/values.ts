/** Severities in their order (google.logging.type.LogSeverity). */
const SEVERITIES: Readonly<Record<string, number>> = {
  DEFAULT: 0,
  DEBUG: 100,
  INFO: 200,
  NOTICE: 300,
  WARNING: 400,
  ERROR: 500,
  CRITICAL: 600,
  ALERT: 700,
  EMERGENCY: 800,
}

/** A severity's number by its name in any case or by its number; `undefined` if it is neither. */
export function parseSeverity(text: string): number | undefined {
  return SEVERITIES[text.toUpperCase()] ?? parseNumber(text)
}

export function parseNumber(text: string): number | undefined {
  const number = text.trim() === '' ? Number.NaN : Number(text)
  return Number.isNaN(number) ? undefined : number
}

export function parseBoolean(text: string): boolean | undefined {
  const folded = text.toLowerCase()
  return folded === 'true' ? true : folded === 'false' ? false : undefined
}

const DURATION = /^(-?\d+(?:\.\d+)?)(h|m|s|ms|us|ns)$/
const UNIT_SECONDS: Readonly<Record<string, number>> = {h: 3600, m: 60, s: 1, ms: 1e-3, us: 1e-6, ns: 1e-9}

/** Seconds of a duration like `1.5s` or `20ms`. */
export function parseDuration(text: string): number | undefined {
  const [, count = '', unit = ''] = DURATION.exec(text) ?? []
  const factor = UNIT_SECONDS[unit]
  return factor === undefined ? undefined : Number(count) * factor
}

const TIMESTAMP =
  /^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?([Zz]|[+-]\d{2}:?\d{2})?)?$/

/**
 * A time in RFC 3339, or a date alone (its midnight in UTC), as text of fixed width in UTC with nanoseconds, so that
 * times compare as their texts do. `undefined` if it is not a time.
 */
export function parseTimestamp(text: string): string | undefined {
  const [, date, time = '00:00', seconds = '00', fraction = '', zone = 'Z'] = TIMESTAMP.exec(text) ?? []
  if (date === undefined) return undefined
  const milliseconds = Date.parse(`${date}T${time}:${seconds}${zone.toUpperCase()}`)
  if (Number.isNaN(milliseconds)) return undefined
  return `${new Date(milliseconds).toISOString().slice(0, 19)}.${fraction.padEnd(9, '0')}Z`
}
