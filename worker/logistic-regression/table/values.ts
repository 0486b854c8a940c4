import {isMissing} from '../csv/missing.ts'

/** Texts for "no number" among numbers; in other columns they may be values. */
const NO_NUMBER = new Set(
  // The words of programs, and of spreadsheets.
  'none -nan inf +inf -inf infinity +infinity -infinity #div/0! #value! #ref! #name? #num! #null!'.split(' '),
)

/** A cell of a column of numbers. `contradiction`: neither a number nor a sign for none. */
export type NumberReading = number | 'missing' | 'no-number' | 'contradiction'

/**
 * Reads a cell as a decimal number. Numbers beyond the range of doubles count as none.
 * @param decimalComma reads `1,5` as 1.5 too; only if the comma does not delimit fields
 */
export function readNumber(text: string, decimalComma: boolean): NumberReading {
  const value = Number(text)
  // Number() takes blanks for 0 and reads 0x10, 0b1 and 0o7: none of them is a decimal number.
  if (value !== 0 && Number.isFinite(value) && !isPrefixed(text)) return value
  const trimmed = text.trim()
  if (isMissing(trimmed)) return 'missing'
  if (value === 0 && !isPrefixed(trimmed)) return 0
  if (isNoNumber(trimmed)) return 'no-number'
  if (decimalComma && /^[+-]?\d*,\d+(e[+-]?\d+)?$/i.test(trimmed)) return Number(trimmed.replace(',', '.'))
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed) ? 'no-number' : 'contradiction'
}

/** Whether a trimmed text among numbers means none, as `#DIV/0!` does. */
export function isNoNumber(text: string): boolean {
  return NO_NUMBER.has(text.toLowerCase())
}

function isPrefixed(text: string): boolean {
  return /^\s*[+-]?0[xbo]/i.test(text)
}

const TIME = '(,?[T ]\\d{1,2}:\\d{2}.*)?$'
const MONTH = '(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\\.?'
const WEEKDAY = '((mon|tue|wed|thu|fri|sat|sun)[a-z]*,? )?'
const DATES = [
  // 2024-02-29, 2024/2/29, 2024.02.29
  String.raw`^\d{4}([./-])\d{1,2}\1\d{1,2}`,
  // 2024-02
  String.raw`^\d{4}-(0[1-9]|1[0-2])$`,
  // 29.02.2024, 2/29/24
  String.raw`^\d{1,2}([./-])\d{1,2}\1\d{2,4}`,
  // 29 Feb 2024, 29-Feb-24, Thu, 29 Feb 2024
  String.raw`^${WEEKDAY}\d{1,2}\.?[ -]${MONTH}[ -]\d{2,4}`,
  // Feb 29, 2024
  String.raw`^${MONTH} \d{1,2}(st|nd|rd|th)?,? \d{4}`,
].map((date) => new RegExp(date + TIME, 'i'))

/** Whether a text is written as a calendar date. */
export function isDate(text: string): boolean {
  return DATES.some((date) => date.test(text))
}

/** Whether a number is a calendar date of the last or this century, as 20240229. */
export function isPackedDate(value: number): boolean {
  const [year, month, day] = [Math.floor(value / 10_000), Math.floor(value / 100) % 100, value % 100]
  return (
    Number.isInteger(value) &&
    year >= 1900 &&
    year < 2100 &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= 31
  )
}

/**
 * Whether a text is a formatted number: with a unit, a percent sign, thousands separators. A column of them is read as
 * numbers if its notation is clear; otherwise it stays text.
 */
export function isDressedNumber(text: string): boolean {
  return /^['"]?[-+(−–]?\s?[$€£¥]?\s?\d[\d.,'_\u00a0\u202f ]*(d[+-]?\d+)?\s?(%|[$€£¥]|[a-z]{1,3}|[-−])?\)?['"]?$/iu.test(
    text,
  )
}
