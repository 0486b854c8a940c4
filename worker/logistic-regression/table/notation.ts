import {isDate, isNoNumber, readNumber} from './values.ts'

/** How the numbers of a column are written. */
export interface Notation {
  /** The decimal mark; the other of the two, blanks and apostrophes part thousands. */
  decimal: ',' | '.'
  /** What decided about a mark before three digits, which may be either. */
  decidedBy: 'column' | 'file' | 'convention'
}

const DIGIT_0 = 0x30
const DIGIT_9 = 0x39
const COMMA = 0x2c
const POINT = 0x2e

/** How often a mark was seen as what it can only be, and where it may be either. */
interface MarkUse {
  decimal: number
  thousands: number
  either: number
}

/** Counts what a column's numbers reveal of its comma and point. */
export class MarkTally {
  readonly comma: MarkUse = {decimal: 0, thousands: 0, either: 0}
  readonly point: MarkUse = {decimal: 0, thousands: 0, either: 0}

  /** Counts the marks of one number, with or without signs around it. */
  see(bytes: Uint8Array, start: number, stop: number): void {
    let commas = 0
    let points = 0
    let last = -1
    for (let at = start; at < stop; at++) {
      if (bytes[at] === COMMA) commas++
      else if (bytes[at] === POINT) points++
      else continue
      last = at
    }
    if (last === -1) return
    const [own, other] = bytes[last] === COMMA ? [this.comma, this.point] : [this.point, this.comma]
    if (commas > 0 && points > 0) {
      own.decimal++
      other.thousands++
    } else if (commas + points > 1) {
      own.thousands++
    } else {
      const before = digitsBefore(bytes, start, last)
      const isEither =
        digitsAfter(bytes, last + 1, stop) === 3 &&
        before >= 1 &&
        before <= 3 &&
        bytes[last - before] !== DIGIT_0
      if (isEither) own.either++
      else own.decimal++
    }
  }

  /**
   * The notation in which all numbers of the column can be read.
   * @param fileHasComma other columns have decimal commas
   * @returns undefined if they contradict each other
   */
  notation(fileHasComma: boolean): Notation | undefined {
    const {comma, point} = this
    const isComma = comma.decimal > 0 || point.thousands > 0
    const isPoint = point.decimal > 0 || comma.thousands > 0
    if (isComma && isPoint) return undefined
    if (isComma) return {decimal: ',', decidedBy: 'column'}
    if (isPoint) return {decimal: '.', decidedBy: 'column'}
    if (comma.either > 0 && point.either > 0) return undefined
    if (comma.either > 0)
      return fileHasComma ? {decimal: ',', decidedBy: 'file'} : {decimal: '.', decidedBy: 'convention'}
    if (point.either > 0)
      return fileHasComma ? {decimal: ',', decidedBy: 'file'} : {decimal: '.', decidedBy: 'convention'}
    return {decimal: '.', decidedBy: 'column'}
  }
}

function digitsBefore(bytes: Uint8Array, start: number, at: number): number {
  let first = at
  while (first > start && isDigit(bytes[first - 1])) first--
  return at - first
}

function digitsAfter(bytes: Uint8Array, at: number, stop: number): number {
  let end = at
  while (end < stop && isDigit(bytes[end])) end++
  return end - at
}

function isDigit(byte = 0): boolean {
  return byte >= DIGIT_0 && byte <= DIGIT_9
}

const CURRENCY = '(?:US\\$|[$€£¥₹]|EUR|USD|GBP|CHF|JPY|AUD|CAD|CNY|INR|SEK|NOK|DKK|PLN|CZK|BRL)'
const BLANK = '[ \\u00a0\\u2009\\u202f]'
const DRESS = new RegExp(
  `^(?<open>\\()?(?<minus>[-+\u2212\u2013])?${BLANK}?(?<before>${CURRENCY})?${BLANK}?(?<minus2>[-\u2212\u2013])?` +
    `(?<core>[\\d.,](?:[\\d.,'_\u2019]|${BLANK}(?=\\d{3}))*(?:e[-+]?\\d+)?)` +
    `${BLANK}?(?<after>${CURRENCY}|%)?(?<behind>[-\u2212])?(?<close>\\))?$`,
  'iu',
)
// A leading zero, as in `030 123 456`, is that of a phone or article number.
const THOUSANDS = /^[1-9]\d{0,2}(?:([.,'_\u2019 \u00a0\u2009\u202f])\d{3})(?:\1\d{3})*(?:[.,]\d*)?$/u
// `192.168.001`; among amounts, some group would soon be beyond 255.
const ADDRESS = /^(?:25[0-5]|2[0-4]\d|[01]?\d{1,2})(?:\.(?:25[0-5]|2[0-4]\d|[01]?\d{1,2})){2,3}$/
const PLAIN = /^(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:e[-+]?\d+)?$/iu

/** A number and what it is written with. */
interface Dressed {
  core: string
  isNegative: boolean
  /** Its currency or `%`. */
  sign: string
}

function undress(text: string): Dressed | undefined {
  const {open, close, minus, minus2, behind, before, after, core = ''} = DRESS.exec(text)?.groups ?? {}
  const signs = [minus, minus2, behind].filter((sign) => sign !== undefined)
  if ((open === undefined) !== (close === undefined) || signs.length + Number(open !== undefined) > 1)
    return undefined
  if (before !== undefined && after !== undefined) return undefined
  if (!PLAIN.test(core) && !THOUSANDS.test(core)) return undefined
  const isNegative = open !== undefined || signs.some((sign) => sign !== '+')
  return {core, isNegative, sign: (before ?? after ?? '').toUpperCase()}
}

/**
 * Reads a number in a column's notation: `$4,896.44`, `54.5%`, `1 234,5`, `(12.3)`, `12.3-`.
 * @returns NaN if it is not one
 */
export function readDressed(text: string, {decimal}: Notation): number {
  const dressed = undress(text)
  if (dressed === undefined) return NaN
  const [whole = '', ...decimals] = dressed.core.split(decimal)
  const digits = whole.replaceAll(/[.,'_\u2019 \u00a0\u2009\u202f]/gu, '')
  // Thousands are groups of three, and no mark follows the decimal one.
  if (digits !== whole && !THOUSANDS.test(whole)) return NaN
  if (decimals.length > 1 || /[.,]/.test(decimals[0] ?? '')) return NaN
  const value = Number(decimals[0] === undefined ? digits : `${digits}.${decimals[0]}`)
  return dressed.isNegative && value !== 0 ? -value : value
}

/**
 * The notation of a column of texts, if all of them are numbers, of one currency, all or none in percent.
 * @param fileHasComma other columns have decimal commas
 */
export function notationOf(levels: readonly string[], fileHasComma: boolean): Notation | undefined {
  const tally = new MarkTally()
  const signs = new Set<string>()
  // Texts such as "00001" are plain numbers that are marked as texts.
  let isDressed = false
  for (const level of levels) {
    if (isNoNumber(level)) continue
    const dressed = undress(level)
    if (dressed === undefined || isDate(level)) return undefined
    isDressed ||= readNumber(level, false) === 'contradiction'
    signs.add(dressed.sign)
    const bytes = Buffer.from(dressed.core)
    tally.see(bytes, 0, bytes.length)
  }
  const isMixed = signs.has('%') ? signs.size > 1 : [...signs].filter((sign) => sign !== '').length > 1
  const isAddress = levels.every((level) => isNoNumber(level) || ADDRESS.test(level))
  const notation = !isDressed || isMixed || isAddress ? undefined : tally.notation(fileHasComma)
  return notation !== undefined &&
    levels.every((level) => isNoNumber(level) || !Number.isNaN(readDressed(level, notation)))
    ? notation
    : undefined
}
