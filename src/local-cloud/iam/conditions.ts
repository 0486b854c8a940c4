import {ApiError} from '../wire/api-error.ts'

/** google.type.Expr of a binding. */
export interface Condition {
  readonly expression: string
  readonly title?: string
  readonly description?: string
}

/** What a condition is about. */
interface Asked {
  /** Relative name: of an object `projects/_/buckets/B/objects/O`. */
  readonly resource: string
  /** Milliseconds since 1970. */
  readonly now: number
}

type Kind = 'bool' | 'string' | 'time'
/** Times are milliseconds since 1970. */
type Value = boolean | string | number

interface Term {
  readonly kind: Kind
  readonly of: (asked: Asked) => Value
}

const TOKEN =
  /\s*(?:(?<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<name>[A-Za-z_][\w.]*)|(?<sign>&&|\|\||==|!=|<=|>=|[<>!()+,.]))/y

const TYPE_OF_COLLECTION: Readonly<Record<string, string>> = {
  buckets: 'storage.googleapis.com/Bucket',
  objects: 'storage.googleapis.com/Object',
  topics: 'pubsub.googleapis.com/Topic',
  subscriptions: 'pubsub.googleapis.com/Subscription',
  snapshots: 'pubsub.googleapis.com/Snapshot',
  services: 'run.googleapis.com/Service',
  jobs: 'run.googleapis.com/Job',
  secrets: 'secretmanager.googleapis.com/Secret',
  repositories: 'artifactregistry.googleapis.com/Repository',
  serviceAccounts: 'iam.googleapis.com/ServiceAccount',
}

/** `projects/P/topics/T` → `pubsub.googleapis.com/Topic`; a project's own otherwise. */
function typeOf(resource: string): string {
  const [, bucket, object] = /^projects\/_\/buckets\/([^/]+)(\/objects\/)?/.exec(resource) ?? []
  const collection =
    bucket === undefined ? resource.split('/').at(-2) : object === undefined ? 'buckets' : 'objects'
  return TYPE_OF_COLLECTION[collection ?? ''] ?? 'cloudresourcemanager.googleapis.com/Project'
}

/** https://cloud.google.com/iam/docs/conditions-attribute-reference */
const ATTRIBUTES: Readonly<Record<string, Term>> = {
  'resource.name': {kind: 'string', of: ({resource}) => resource},
  'resource.type': {kind: 'string', of: ({resource}) => typeOf(resource)},
  'resource.service': {kind: 'string', of: ({resource}) => typeOf(resource).replace(/\/.*/, '')},
  'request.time': {kind: 'time', of: ({now}) => now},
  true: {kind: 'bool', of: () => true},
  false: {kind: 'bool', of: () => false},
}

const METHODS: Readonly<Record<string, {kind: Kind; of: (text: string, argument: string) => Value}>> = {
  startsWith: {kind: 'bool', of: (text, argument) => text.startsWith(argument)},
  endsWith: {kind: 'bool', of: (text, argument) => text.endsWith(argument)},
  contains: {kind: 'bool', of: (text, argument) => text.includes(argument)},
  extract: {kind: 'string', of: extract},
}

/** What stands at `{NAME}` of a template: https://cloud.google.com/iam/docs/conditions-attribute-reference#extract */
function extract(text: string, template: string): string {
  const [, before = '', after = ''] = /^([^{]*)\{[^}]*\}(.*)$/s.exec(template) ?? []
  const start = text.indexOf(before)
  if (start === -1) return ''
  const rest = text.slice(start + before.length)
  const end = after === '' ? rest.length : rest.indexOf(after)
  return rest.slice(0, Math.max(0, end))
}

const COMPARISONS: Readonly<Record<string, (one: Value, other: Value) => boolean>> = {
  '==': (one, other) => one === other,
  '!=': (one, other) => one !== other,
  '<': (one, other) => one < other,
  '<=': (one, other) => one <= other,
  '>': (one, other) => one > other,
  '>=': (one, other) => one >= other,
}

const parsed = new Map<string, Term>()
const MOST_PARSED = 1000
/** Far more than the 12 logical operators that Google allows need: https://cloud.google.com/iam/quotas */
const MOST_CHARACTERS = 10_000
const MOST_NESTED = 100

/** Whether a binding with this condition counts. */
export function holds({expression}: Condition, asked: Asked): boolean {
  const term = parsed.get(expression) ?? parseCondition(expression)
  if (parsed.size >= MOST_PARSED) parsed.clear()
  parsed.set(expression, term)
  return term.of(asked) === true
}

/**
 * A condition in the part of the Common Expression Language that is served: the attributes above, texts, `timestamp`,
 * comparisons, `&&`, `||`, `!`, and the methods of texts.
 * @throws ApiError INVALID_ARGUMENT where it is no such expression; UNIMPLEMENTED with the name of what is not served
 */
export function parseCondition(expression: string): Term {
  if (expression.length > MOST_CHARACTERS)
    throw new ApiError(
      'INVALID_ARGUMENT',
      `The condition expression is invalid: it has ${expression.length} characters; at most ${MOST_CHARACTERS} are allowed.`,
    )
  let at = 0
  let depth = 0
  let token: Readonly<Record<string, string | undefined>> = {}
  const fail = (why: string): ApiError =>
    new ApiError(
      'INVALID_ARGUMENT',
      `The condition expression is invalid: ${why} (expression=${expression}).`,
    )
  const next = (): void => {
    TOKEN.lastIndex = at
    const match = TOKEN.exec(expression)
    if (match === null && expression.slice(at).trim() !== '')
      throw fail(`unexpected "${expression.slice(at).trim()}"`)
    at = match === null ? expression.length : TOKEN.lastIndex
    token = match?.groups ?? {}
  }
  const take = (sign: string): boolean => {
    const found = token['sign'] === sign
    if (found) next()
    return found
  }
  const need = (sign: string): void => {
    if (!take(sign)) throw fail(`"${sign}" is missing`)
  }
  const typed = (term: Term, kind: Kind): Term => {
    if (term.kind !== kind) throw fail(`a ${kind} is needed in place of a ${term.kind}`)
    return term
  }
  const notServed = (name: string): ApiError =>
    new ApiError('UNIMPLEMENTED', `"${name}" in conditions is not implemented by the local cloud.`)

  const joined = (sign: string, part: () => Term, join: (one: Term, other: Term) => Term['of']): Term => {
    let left = part()
    while (take(sign)) left = {kind: 'bool', of: join(typed(left, 'bool'), typed(part(), 'bool'))}
    return left
  }
  const either = (): Term => {
    depth += 1
    if (depth > MOST_NESTED) throw fail(`it nests deeper than ${MOST_NESTED} levels`)
    const term = joined('||', both, (one, other) => (asked) => Boolean(one.of(asked) || other.of(asked)))
    depth -= 1
    return term
  }
  const both = (): Term =>
    joined('&&', comparison, (one, other) => (asked) => Boolean(one.of(asked) && other.of(asked)))

  const comparison = (): Term => {
    const left = unary()
    const compare = COMPARISONS[token['sign'] ?? '']
    if (compare === undefined) return left
    next()
    const right = typed(unary(), left.kind)
    return {kind: 'bool', of: (asked) => compare(left.of(asked), right.of(asked))}
  }

  const unary = (): Term => {
    let negations = 0
    while (take('!')) negations += 1
    if (negations === 0) return value()
    const inner = typed(value(), 'bool')
    return negations % 2 === 0 ? inner : {kind: 'bool', of: (asked) => inner.of(asked) !== true}
  }

  const value = (): Term => {
    let term = primary()
    while (take('.')) term = called(term, token['name'] ?? '')
    return term
  }

  /** `term.name(…)`, with the name as the current token. */
  const called = (term: Term, name: string): Term => {
    const method = METHODS[name]
    if (method === undefined) throw notServed(name)
    next()
    need('(')
    const [text, argument] = [typed(term, 'string'), typed(either(), 'string')]
    need(')')
    return {kind: method.kind, of: (asked) => method.of(String(text.of(asked)), String(argument.of(asked)))}
  }

  const primary = (): Term => {
    const {text, name} = token
    if (text !== undefined) {
      next()
      const content = text.slice(1, -1).replaceAll(/\\(.)/g, '$1')
      return {kind: 'string', of: () => content}
    }
    if (take('(')) {
      const inner = either()
      need(')')
      return inner
    }
    if (name === undefined) throw fail(expression.trim() === '' ? 'it is empty' : 'a value is missing')
    const attribute = ATTRIBUTES[name]
    const [, base = '', method = ''] = /^(.*)\.(\w+)$/.exec(name) ?? []
    if (attribute !== undefined) {
      next()
      return attribute
    }
    if (ATTRIBUTES[base] !== undefined && METHODS[method] !== undefined)
      return called(ATTRIBUTES[base], method)
    if (name !== 'timestamp') throw notServed(name)
    next()
    need('(')
    const time = Date.parse(String(typed(primary(), 'string').of({resource: '', now: 0})))
    need(')')
    if (Number.isNaN(time)) throw fail('timestamp() needs a time in RFC 3339')
    return {kind: 'time', of: () => time}
  }

  next()
  const condition = typed(either(), 'bool')
  if (at < expression.length || Object.values(token).some((part) => part !== undefined))
    throw fail('it has more after its end')
  return condition
}
