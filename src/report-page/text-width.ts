import {eastAsianWidth} from 'get-east-asian-width'
import {printable} from './markup.ts'

const graphemes = new Intl.Segmenter('en', {granularity: 'grapheme'})

/** Approximate width of a text, in letters: East Asian characters and emoji count as two. */
export function widthOf(text: string): number {
  return signsOf(text).reduce((width, sign) => width + signWidth(sign), 0)
}

/** A name on one line, shortened to `width`. The middle is cut: long names often differ at their ends. */
export function short(name: string, width: number): string {
  const text = printable(name)
  if (widthOf(text) <= width) return text
  const signs = signsOf(text)
  const head = upTo(signs, Math.ceil((width - 1) / 2))
  const tail = upTo(signs.toReversed(), Math.floor((width - 1) / 2)).toReversed()
  return `${head.join('').trimEnd()}…${tail.join('').trimStart()}`
}

/** A name within a sentence: in quotes, and shortened. */
export function quoted(name: string): string {
  return `“${short(name, 40)}”`
}

function upTo(signs: readonly string[], width: number): string[] {
  let sum = 0
  return signs.slice(0, width).filter((sign) => (sum += signWidth(sign)) <= width)
}

function signsOf(text: string): string[] {
  return Array.from(graphemes.segment(text), ({segment}) => segment)
}

function signWidth(sign: string): number {
  return /^\p{RGI_Emoji}$/v.test(sign) ? 2 : eastAsianWidth(sign.codePointAt(0) ?? 0)
}
