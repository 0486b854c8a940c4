import {ApiError} from '../wire/api-error.ts'

/** Whether a subscription wants a message with these attributes. */
export type Filter = (attributes: Readonly<Record<string, string>>) => boolean

const LONGEST_FILTER_BYTES = 256
/** Unquoted keys: letters, digits, hyphens, underscores. */
const TOKEN = /\s*(?:(?<text>"(?:[^"\\]|\\.)*")|(?<word>[A-Za-z0-9_][A-Za-z0-9_-]*)|(?<sign>!=|[=:.,()-]))/y
const ESCAPE =
  /\\(?:u(?<unicode>[0-9a-fA-F]{4})|x(?<hex>[0-9a-fA-F]{2})|(?<octal>[0-3][0-7]{2})|(?<plain>[\s\S]))/g
const PLAIN_ESCAPES: Readonly<Record<string, string>> = {n: '\n', r: '\r', t: '\t'}

interface Token {
  readonly kind: 'text' | 'word' | 'sign'
  readonly value: string
  /** Offset in the filter. */
  readonly at: number
}

function unquote(literal: string): string {
  return literal
    .slice(1, -1)
    .replaceAll(ESCAPE, (_match, unicode?: string, hex?: string, octal?: string, plain = '') => {
      if (unicode !== undefined) return String.fromCharCode(parseInt(unicode, 16))
      if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16))
      if (octal !== undefined) return String.fromCharCode(parseInt(octal, 8))
      return PLAIN_ESCAPES[String(plain)] ?? String(plain)
    })
}

function tokenize(filter: string): Token[] {
  const tokens: Token[] = []
  const pattern = new RegExp(TOKEN)
  const end = filter.trimEnd().length
  while (pattern.lastIndex < end) {
    const start = pattern.lastIndex
    const groups = pattern.exec(filter)?.groups
    if (groups === undefined) throw invalid(filter, start, 'unexpected character')
    const {text, word, sign} = groups
    const value = text ?? word ?? sign ?? ''
    const at = pattern.lastIndex - value.length
    if (text !== undefined) tokens.push({kind: 'text', value: unquote(text), at})
    else tokens.push({kind: word === undefined ? 'sign' : 'word', value, at})
  }
  return tokens
}

function invalid(filter: string, at: number, reason: string): ApiError {
  return new ApiError(
    'INVALID_ARGUMENT',
    `Invalid filter ${JSON.stringify(filter)} at position ${at}: ${reason}. Refer to https://cloud.google.com/pubsub/docs/subscription-message-filter for the syntax.`,
  )
}

class Parser {
  readonly #filter: string
  readonly #tokens: readonly Token[]
  #next = 0

  constructor(filter: string) {
    this.#filter = filter
    this.#tokens = tokenize(filter)
  }

  parse(): Filter {
    const filter = this.#expression()
    if (this.#tokens[this.#next] !== undefined) throw this.#unexpected('the end')
    return filter
  }

  /** Terms joined by AND or by OR; mixing them without parentheses is rejected, as by Google. */
  #expression(): Filter {
    const terms = [this.#term()]
    const first = this.#tokens[this.#next]
    const joint =
      first?.kind === 'word' && (first.value === 'AND' || first.value === 'OR') ? first.value : undefined
    if (joint === undefined) return terms[0] ?? (() => true)
    while (this.#takes('word', joint)) terms.push(this.#term())
    const after = this.#tokens[this.#next]
    if (after?.kind === 'word' && (after.value === 'AND' || after.value === 'OR'))
      throw this.#unexpected('parentheses around AND or OR when both are used')
    return joint === 'AND'
      ? (attributes) => terms.every((term) => term(attributes))
      : (attributes) => terms.some((term) => term(attributes))
  }

  #term(): Filter {
    if (this.#takes('word', 'NOT') || this.#takes('sign', '-')) {
      const negated = this.#term()
      return (attributes) => !negated(attributes)
    }
    if (this.#takes('sign', '(')) {
      const inner = this.#expression()
      this.#expect('sign', ')')
      return inner
    }
    if (this.#takes('word', 'hasPrefix')) {
      this.#expect('sign', '(')
      this.#expect('word', 'attributes')
      this.#expect('sign', '.')
      const key = this.#key()
      this.#expect('sign', ',')
      const prefix = this.#text()
      this.#expect('sign', ')')
      return (attributes) => attributes[key]?.startsWith(prefix) ?? false
    }
    this.#expect('word', 'attributes')
    if (this.#takes('sign', ':')) {
      const key = this.#key()
      return (attributes) => Object.hasOwn(attributes, key)
    }
    this.#expect('sign', '.')
    const key = this.#key()
    if (this.#takes('sign', '!=')) {
      const value = this.#text()
      return (attributes) => attributes[key] !== value
    }
    this.#expect('sign', '=')
    const value = this.#text()
    return (attributes) => attributes[key] === value
  }

  #key(): string {
    const token = this.#tokens[this.#next]
    if (token === undefined || token.kind === 'sign') throw this.#unexpected('the key of an attribute')
    this.#next += 1
    return token.value
  }

  #text(): string {
    const token = this.#tokens[this.#next]
    if (token?.kind !== 'text') throw this.#unexpected('text in double quotes')
    this.#next += 1
    return token.value
  }

  #takes(kind: Token['kind'], value: string): boolean {
    const token = this.#tokens[this.#next]
    if (token?.kind !== kind || token.value !== value) return false
    this.#next += 1
    return true
  }

  #expect(kind: Token['kind'], value: string): void {
    if (!this.#takes(kind, value)) throw this.#unexpected(`"${value}"`)
  }

  #unexpected(wanted: string): ApiError {
    const token = this.#tokens[this.#next]
    return invalid(this.#filter, token?.at ?? this.#filter.length, `expected ${wanted}`)
  }
}

/**
 * A filter on attributes (https://cloud.google.com/pubsub/docs/subscription-message-filter#filtering_syntax). Empty
 * takes every message; `!=` is `NOT … =`, so it takes messages without the attribute too.
 * @throws ApiError INVALID_ARGUMENT that says where it is wrong
 */
export function parseFilter(filter: string): Filter {
  if (Buffer.byteLength(filter) > LONGEST_FILTER_BYTES)
    throw new ApiError('INVALID_ARGUMENT', `The filter has more than ${LONGEST_FILTER_BYTES} bytes.`)
  if (filter.trim() === '') return () => true
  return new Parser(filter).parse()
}
