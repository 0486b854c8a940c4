/** What stands for "no value" in any column, whatever its case. */
const MISSING = new Set(['', 'na', 'n/a', '#n/a', 'nan', 'null', '?'])
/** What stands for "no number" among numbers; in other columns these may be values of their own. */
const NO_NUMBER = new Set(['-', '--', 'none', 'inf', '+inf', '-inf', 'infinity', '+infinity', '-infinity'])

/** Whether a trimmed text stands for a missing value or label. */
export function isMissing(text: string): boolean {
  return text.length <= 4 && MISSING.has(text.toLowerCase())
}

/** A cell of a column of numbers. `contradiction`: neither a number nor a sign for none. */
export type NumberReading = number | 'missing' | 'no-number' | 'contradiction'

/**
 * Reads a cell as a decimal number. Numbers beyond the range of doubles count as none.
 * @param decimalComma reads `1,5` as 1.5 too; only where the comma does not delimit fields
 */
export function readNumber(text: string, decimalComma: boolean): NumberReading {
  const value = Number(text)
  // Number() takes blanks for 0 and reads 0x10, 0b1 and 0o7: none of them is a decimal number.
  if (value !== 0 && Number.isFinite(value) && !isPrefixed(text)) return value
  const trimmed = text.trim()
  if (isMissing(trimmed)) return 'missing'
  if (value === 0 && !isPrefixed(trimmed)) return 0
  if (NO_NUMBER.has(trimmed.toLowerCase())) return 'no-number'
  if (decimalComma && /^[+-]?\d*,\d+(e[+-]?\d+)?$/i.test(trimmed)) return Number(trimmed.replace(',', '.'))
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed) ? 'no-number' : 'contradiction'
}

function isPrefixed(text: string): boolean {
  return /^\s*[+-]?0[xbo]/i.test(text)
}

const ISO_DATE = /^\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}.*)?$/
const LOCAL_DATE = /^\d{1,2}([./-])\d{1,2}\1\d{2,4}([T ]\d{1,2}:\d{2}.*)?$/

/** Whether a text is written as a calendar date. */
export function isDate(text: string): boolean {
  return ISO_DATE.test(text) || LOCAL_DATE.test(text)
}
