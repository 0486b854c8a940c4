import {stripVTControlCharacters} from 'node:util'
import {eastAsianWidth} from 'get-east-asian-width'

const graphemes = new Intl.Segmenter('en', {granularity: 'grapheme'})

const EMOJI = /^\p{RGI_Emoji}$/v
/** Signs of nothing but these take no cell: they change others, or are not shown. */
const INVISIBLE = /^[\p{Default_Ignorable_Code_Point}\p{Mark}]+$/u
const ASCII = /^[\x20-\x7e]*$/

/** How many cells of a terminal a text takes on one line; colors take none. */
export function cellsOf(text: string): number {
  const plain = stripVTControlCharacters(text)
  if (ASCII.test(plain)) return plain.length
  return signsOf(plain).reduce((cells, sign) => cells + cellsOfSign(sign), 0)
}

/** The beginning of a text without colors, ended by `…` if it has more cells than `width`. */
export function cutEnd(text: string, width: number): string {
  return cellsOf(text) <= width
    ? text
    : `${upTo(signsOf(text), width - 1)
        .join('')
        .trimEnd()}…`
}

/** A name shortened to `width` cells in its middle: long names often differ at their ends. */
export function cutMiddle(name: string, width: number): string {
  if (cellsOf(name) <= width) return name
  const signs = signsOf(name)
  const head = upTo(signs, Math.ceil((width - 1) / 2))
  const tail = upTo(signs.toReversed(), Math.floor((width - 1) / 2)).toReversed()
  return `${head.join('')}…${tail.join('')}`
}

function upTo(signs: readonly string[], width: number): readonly string[] {
  let left = width
  const end = signs.findIndex((sign) => (left -= cellsOfSign(sign)) < 0)
  return end === -1 ? signs : signs.slice(0, end)
}

function signsOf(text: string): string[] {
  return Array.from(graphemes.segment(text), ({segment}) => segment)
}

/** By https://www.unicode.org/reports/tr11/; emoji take two cells, however many characters they are made of. */
function cellsOfSign(sign: string): number {
  if (INVISIBLE.test(sign)) return 0
  return EMOJI.test(sign) ? 2 : eastAsianWidth(sign.codePointAt(0) ?? 0)
}
