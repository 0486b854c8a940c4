import {ApiError} from '../../wire/api-error.ts'
import {filterError, tokenize, type Operator, type Position, type Segment, type Token} from './tokens.ts'

/** The right-hand side of a comparison. `quoted` distinguishes `"*"` from the presence test `*`. */
export interface Value extends Position {
  readonly text: string
  readonly quoted: boolean
}

/** A parsed filter. An empty filter is an `and` of nothing. */
export type Expression =
  | {readonly kind: 'and' | 'or'; readonly terms: readonly Expression[]}
  | {readonly kind: 'not'; readonly term: Expression}
  | ({
      readonly kind: 'comparison'
      readonly path: readonly Segment[]
      readonly operator: Operator | TestFunction
      readonly value: Value
    } & Position)
  /** A value alone: searched for in every field. */
  | {readonly kind: 'global'; readonly value: Value}

/** Both from https://cloud.google.com/logging/docs/view/logging-query-language; the depth is ours. */
const LONGEST_FILTER = 20_000
const DEEPEST_NESTING = 100

/**
 * Parses the Logging query language: NOT and `-` bind tightest, then OR, then AND, which may be left out.
 * https://cloud.google.com/logging/docs/view/logging-query-language
 * @throws ApiError INVALID_ARGUMENT that says where; UNIMPLEMENTED for most functions
 */
export function parseFilter(filter: string): Expression {
  if (filter.length > LONGEST_FILTER) {
    throw new ApiError(
      'INVALID_ARGUMENT',
      `The filter has ${filter.length} characters; at most ${LONGEST_FILTER} are allowed.`,
    )
  }
  return new Parser(filter).parse()
}

/** What a field is tested with, other than by comparing it. */
export type TestFunction = 'ip_in_net' | 'sample'

const FUNCTIONS = new Map<string, Operator | TestFunction>([
  ['log_id', '=~'],
  ['regexp', '=~'],
  ['ip_in_net', 'ip_in_net'],
  ['sample', 'sample'],
])
const LOG_NAME: readonly Segment[] = [{text: 'logName', quoted: false}]

/** What a leaf becomes: alone it is searched for everywhere, in `field = (a OR b)` it is compared with the field. */
type Leaf = (value: Value) => Expression

class Parser {
  readonly #filter: string
  readonly #tokens: readonly Token[]
  #index = 0
  #depth = 0

  constructor(filter: string) {
    this.#filter = filter
    this.#tokens = tokenize(filter)
  }

  parse(): Expression {
    if (this.#peek().kind === 'end') return {kind: 'and', terms: []}
    const expression = this.#conjunction(undefined)
    if (this.#peek().kind !== 'end') throw this.#unexpected('an operator or the end of the filter')
    return expression
  }

  /** `leaf` is given inside the parentheses of a comparison, where only values are allowed. */
  #conjunction(leaf: Leaf | undefined): Expression {
    const terms = [this.#disjunction(leaf)]
    for (;;) {
      if (this.#takeKeyword('AND')) terms.push(this.#disjunction(leaf))
      else if (this.#peek().kind === 'end' || this.#peek().kind === 'close') return joined('and', terms)
      else terms.push(this.#disjunction(leaf))
    }
  }

  #disjunction(leaf: Leaf | undefined): Expression {
    const terms = [this.#negation(leaf)]
    while (this.#takeKeyword('OR')) terms.push(this.#negation(leaf))
    return joined('or', terms)
  }

  #negation(leaf: Leaf | undefined): Expression {
    let negated = false
    while (this.#takeKeyword('NOT') || this.#take('minus')) negated = !negated
    const term = this.#primary(leaf)
    return negated ? {kind: 'not', term} : term
  }

  #primary(leaf: Leaf | undefined): Expression {
    if (this.#peek().kind === 'open') return this.#parenthesized(leaf)
    const word = this.#peek()
    if (word.kind !== 'word' || keywordOf(word) !== undefined)
      throw this.#unexpected(leaf ? 'a value' : 'a comparison or a text')
    this.#index += 1
    const next = this.#peek()
    if (next.kind === 'open' && next.at === word.end) return this.#function(word, leaf)
    if (leaf) return leaf(this.#valueOf(word))
    if (next.kind !== 'operator') return {kind: 'global', value: this.#valueOf(word)}
    this.#index += 1
    return this.#comparison(word, next.operator)
  }

  /**
   * `log_id("ID")` and `regexp(FIELD, "PATTERN")`, as the comparisons that they stand for,
   * `ip_in_net(FIELD, "NET")` and `sample(FIELD, FRACTION)`:
   * https://cloud.google.com/logging/docs/view/logging-query-language#functions
   */
  #function(word: Token & {kind: 'word'}, leaf: Leaf | undefined): Expression {
    const name = this.#text(word)
    const operator = FUNCTIONS.get(name)
    if (leaf !== undefined || operator === undefined) throw this.#unsupportedFunction(word)
    this.#index += 1
    const path = name === 'log_id' ? LOG_NAME : this.#argument('a field').segments
    if (name !== 'log_id' && !this.#take('comma')) throw this.#unexpected("','")
    const given = this.#valueOf(this.#argument('a text'))
    const close = this.#take('close')
    if (!close) throw this.#unexpected("')'")
    const id = encodeURIComponent(given.text).replaceAll(/[.*()]/g, String.raw`\$&`)
    const value = name === 'log_id' ? {...given, text: `/logs/${id}$`, quoted: true} : given
    return {kind: 'comparison', path, operator, value, at: word.at, end: close.end}
  }

  #argument(expected: string): Token & {kind: 'word'} {
    const token = this.#peek()
    if (token.kind !== 'word') throw this.#unexpected(expected)
    this.#index += 1
    return token
  }

  #comparison(word: Token & {kind: 'word'}, operator: Operator): Expression {
    if (word.segments.some((segment) => segment.text === '')) {
      throw filterError(
        this.#filter,
        word.at,
        `syntax error: empty segment in the field '${this.#text(word)}'`,
      )
    }
    const compare: Leaf = (value) => ({
      kind: 'comparison',
      path: word.segments,
      operator,
      value,
      at: word.at,
      end: word.end,
    })
    if (this.#peek().kind === 'open') return this.#parenthesized(compare)
    const minus = this.#take('minus')
    const token = this.#peek()
    if (token.kind !== 'word' || (minus && minus.end !== token.at))
      throw this.#unexpected(`a value after '${operator}'`)
    this.#index += 1
    const after = this.#peek()
    if (after.kind === 'operator')
      throw this.#unexpected('AND, OR or the end; a value with special characters needs quotes')
    if (after.kind === 'open' && after.at === token.end) throw this.#unsupportedFunction(token)
    const value = this.#valueOf(token)
    return compare(minus ? {...value, text: `-${value.text}`, at: minus.at} : value)
  }

  #parenthesized(leaf: Leaf | undefined): Expression {
    this.#index += 1
    this.#depth += 1
    if (this.#depth > DEEPEST_NESTING) throw this.#unexpected(`at most ${DEEPEST_NESTING} nested parentheses`)
    const expression = this.#conjunction(leaf)
    if (!this.#take('close')) throw this.#unexpected("')'")
    this.#depth -= 1
    return expression
  }

  #valueOf(word: Token & {kind: 'word'}): Value {
    const [only, ...others] = word.segments
    const single = only !== undefined && others.length === 0
    return {
      text: single ? only.text : this.#text(word),
      quoted: single && only.quoted,
      at: word.at,
      end: word.end,
    }
  }

  #text(position: Position): string {
    return this.#filter.slice(position.at, position.end)
  }

  #peek(): Token {
    return this.#tokens[this.#index] ?? {kind: 'end', at: this.#filter.length, end: this.#filter.length}
  }

  #take(kind: Token['kind']): Token | undefined {
    const token = this.#peek()
    if (token.kind !== kind) return undefined
    this.#index += 1
    return token
  }

  #takeKeyword(keyword: Keyword): boolean {
    const token = this.#peek()
    if (token.kind !== 'word' || keywordOf(token) !== keyword) return false
    this.#index += 1
    return true
  }

  #unexpected(expected: string): ApiError {
    const token = this.#peek()
    const found = token.kind === 'end' ? 'the end of the filter' : `token '${this.#text(token)}'`
    return filterError(this.#filter, token.at, `syntax error: expected ${expected}, found ${found}`)
  }

  #unsupportedFunction(word: Token & {kind: 'word'}): ApiError {
    return new ApiError(
      'UNIMPLEMENTED',
      `The function ${this.#text(word)}() of the Logging query language is not implemented by the local cloud. ` +
        'Comparisons such as textPayload:"text" and texts alone are.',
    )
  }
}

type Keyword = 'AND' | 'OR' | 'NOT'

/** Boolean operators are written in capitals and without quotes. */
function keywordOf({segments: [segment, ...others]}: Token & {kind: 'word'}): Keyword | undefined {
  if (segment === undefined || segment.quoted || others.length > 0) return undefined
  const {text} = segment
  return text === 'AND' || text === 'OR' || text === 'NOT' ? text : undefined
}

function joined(kind: 'and' | 'or', terms: readonly Expression[]): Expression {
  const [only, ...others] = terms
  return only !== undefined && others.length === 0 ? only : {kind, terms}
}
