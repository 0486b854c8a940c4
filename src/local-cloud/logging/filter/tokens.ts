import {ApiError} from '../../wire/api-error.ts'

/** A position in a filter, in characters from 0. */
export interface Position {
  readonly at: number
  readonly end: number
}

export type Operator = '=' | '!=' | '<' | '<=' | '>' | '>=' | ':' | '=~' | '!~'

/** One segment of `labels."a.b".c`. */
export interface Segment {
  readonly text: string
  readonly quoted: boolean
}

export type Token = Position &
  (
    | {readonly kind: 'open' | 'close' | 'minus' | 'comma' | 'end'}
    | {readonly kind: 'operator'; readonly operator: Operator}
    /** Text and quoted text, joined by dots if there is more than one segment. */
    | {readonly kind: 'word'; readonly segments: readonly Segment[]}
  )

const OPERATOR = /=~|!~|!=|<=|>=|[=<>:]/y
const BLANK = /(?:\s+|--[^\n]*)+/y
const BARE = /[^\s()"'=<>!~:,.]+/y

/**
 * Splits a filter into tokens, the last of kind `end`. Comments run from `--` to the end of the line.
 * @throws ApiError INVALID_ARGUMENT with line and column
 */
export function tokenize(filter: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(filter)?.[0]
  }
  const simple = {'(': 'open', ')': 'close', '-': 'minus', ',': 'comma'} as const

  for (;;) {
    at += match(BLANK)?.length ?? 0
    if (at >= filter.length) break
    const character = filter.charAt(at)
    const operator = match(OPERATOR)
    if (character === '(' || character === ')' || character === '-' || character === ',') {
      tokens.push({kind: simple[character], at, end: at + 1})
      at += 1
    } else if (isOperator(operator)) {
      tokens.push({kind: 'operator', operator, at, end: at + operator.length})
      at += operator.length
    } else {
      const word = readWord(filter, at)
      tokens.push(word)
      at = word.end
    }
  }
  tokens.push({kind: 'end', at: filter.length, end: filter.length})
  return tokens
}

/** An error about the text of a filter, as Google words it, with the place. */
export function filterError(filter: string, position: number, problem: string): ApiError {
  const before = filter.slice(0, position).split('\n')
  const column = (before.at(-1)?.length ?? 0) + 1
  return new ApiError(
    'INVALID_ARGUMENT',
    `Unparseable filter: ${problem} at line ${before.length}, column ${column}`,
  )
}

function isOperator(text: string | undefined): text is Operator {
  return text !== undefined
}

/** Reads `text`, `"quoted text"` and any of them joined by dots without blanks between. */
function readWord(filter: string, start: number): Token & {kind: 'word'} {
  const segments: Segment[] = []
  let at = start
  for (;;) {
    const character = filter.charAt(at)
    if (character === '"' || character === "'") {
      const {text, end} = readQuoted(filter, at)
      segments.push({text, quoted: true})
      at = end
    } else {
      BARE.lastIndex = at
      const text = BARE.exec(filter)?.[0] ?? ''
      segments.push({text, quoted: false})
      at += text.length
    }
    if (filter.charAt(at) !== '.') break
    at += 1
  }
  if (at === start) throw filterError(filter, at, `syntax error: unexpected character '${filter.charAt(at)}'`)
  return {kind: 'word', segments, at: start, end: at}
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}
const CODED_ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))/y

function readQuoted(filter: string, start: number): {text: string; end: number} {
  const quote = filter.charAt(start)
  let text = ''
  let at = start + 1
  while (at < filter.length) {
    const character = filter.charAt(at)
    if (character === quote) return {text, end: at + 1}
    if (character !== '\\') {
      text += character
      at += 1
      continue
    }
    CODED_ESCAPE.lastIndex = at
    const coded = CODED_ESCAPE.exec(filter)
    if (coded) {
      const [, hexadecimal2, hexadecimal4, hexadecimal8, octal] = coded
      const code =
        octal === undefined
          ? Number(`0x${hexadecimal2 ?? hexadecimal4 ?? hexadecimal8}`)
          : Number(`0o${octal}`)
      if (code > 0x10ffff)
        throw filterError(filter, at, `syntax error: ${coded[0]} is not a Unicode character`)
      text += String.fromCodePoint(code)
      at += coded[0].length
      continue
    }
    const escaped = filter.charAt(at + 1)
    // A backslash before anything else stays, so that "\d" and "\\d" are the same regular expression.
    text += ESCAPES[escaped] ?? (escaped === quote || escaped === '\\' ? escaped : `\\${escaped}`)
    at += 2
  }
  throw filterError(filter, start, 'syntax error: unterminated string that begins')
}
