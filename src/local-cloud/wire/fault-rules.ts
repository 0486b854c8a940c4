import {ApiError, isStatusName, type StatusName} from './api-error.ts'

/** What happens to a call. */
export type FaultAction =
  /** It gets this HTTP status, or canonical code, as its error. */
  | {readonly answer: number | StatusName; readonly message?: string}
  /** It gets no answer until it leaves. */
  | {readonly hang: true}
  /** Its connection is reset. */
  | {readonly break: true}
  /** It continues after this time. */
  | {readonly delayMs: number}

/** When it happens to a call: at once if neither is given. */
export interface FaultPoint {
  /** After this many bytes of the request's body were read; for a resumable upload, counted from its start. */
  readonly afterRequestBytes?: number
  /** The work is done; this many bytes of the response's body are sent. */
  readonly afterResponseBytes?: number
}

/** Something that goes wrong on purpose: `{on: {rpc: 'storage.objects.get'}, answer: 503, times: 2}`. */
export type FaultRule = FaultAction &
  FaultPoint & {
    /** Which calls: those that fit all that is given. */
    readonly on: {
      /** `google.pubsub.v1.Publisher/Publish`, `storage.objects.insert`; `*` and `**` as in `path`. */
      readonly rpc?: string
      readonly method?: string
      /** Path without the query; `*` matches anything but a slash, `**` anything. */
      readonly path?: string
      /** `owner`, `serviceAccount:EMAIL` */
      readonly principal?: string
      /** Only calls with this `x-retry-test-id`; a rule without one leaves such calls alone. */
      readonly retryTestId?: string
    }
    /** How many calls; one if omitted. */
    readonly times?: number
  }

const ACTIONS = ['answer', 'hang', 'break', 'delayMs'] as const
const FIELDS = new Set<string>([
  'on',
  ...ACTIONS,
  'message',
  'afterRequestBytes',
  'afterResponseBytes',
  'times',
])
const MATCHES = ['rpc', 'method', 'path', 'principal', 'retryTestId'] as const

/**
 * Reads `{"faults": [{"on": {…}, "answer": 503, "times": 2}, …]}`.
 * @throws ApiError INVALID_ARGUMENT that names the field
 */
export function parseFaults(json: Readonly<Record<string, unknown>>): FaultRule[] {
  const {faults, ...others} = json
  const [stranger] = Object.keys(others)
  if (stranger !== undefined) throw wrong(stranger, 'is not a field; the rules are in "faults"')
  if (!Array.isArray(faults)) throw wrong('faults', 'must be a list of rules')
  return faults.map((rule: unknown, index) => parseRule(rule, `faults[${index}]`))
}

function parseRule(value: unknown, where: string): FaultRule {
  const rule = record(value, where)
  const stranger = Object.keys(rule).find((name) => !FIELDS.has(name))
  if (stranger !== undefined)
    throw wrong(`${where}.${stranger}`, `is not a field; use one of ${[...FIELDS].join(', ')}`)
  const action = parseAction(rule, where)
  const afterRequestBytes = count(rule, 'afterRequestBytes', where)
  const afterResponseBytes = count(rule, 'afterResponseBytes', where)
  const times = count(rule, 'times', where)
  if (times === 0) throw wrong(`${where}.times`, 'must be at least 1')
  if (afterRequestBytes !== undefined && afterResponseBytes !== undefined)
    throw wrong(where, 'has afterRequestBytes and afterResponseBytes; it can have one of them')
  if ('answer' in action && (afterResponseBytes ?? 0) > 0)
    throw wrong(
      `${where}.afterResponseBytes`,
      'must be 0 with "answer": another response has started by then',
    )
  return {
    on: parseMatch(rule['on'], `${where}.on`),
    ...action,
    ...(afterRequestBytes === undefined ? {} : {afterRequestBytes}),
    ...(afterResponseBytes === undefined ? {} : {afterResponseBytes}),
    ...(times === undefined ? {} : {times}),
  }
}

function parseMatch(value: unknown, where: string): FaultRule['on'] {
  const match = record(value, where)
  for (const [name, text] of Object.entries(match)) {
    if (!MATCHES.some((known) => known === name))
      throw wrong(`${where}.${name}`, `is not a field; use one of ${MATCHES.join(', ')}`)
    if (typeof text !== 'string' || text === '') throw wrong(`${where}.${name}`, 'must be text')
  }
  if (Object.keys(match).length === 0)
    throw wrong(where, 'must name a call; {"path": "**"} matches all of them')
  const texts = Object.entries(match).map(([name, text]) => [name, String(text)])
  return Object.fromEntries(texts)
}

function parseAction(rule: Readonly<Record<string, unknown>>, where: string): FaultAction {
  const named = ACTIONS.filter((name) => rule[name] !== undefined)
  const [name] = named
  if (name === undefined || named.length > 1)
    throw wrong(where, `must have exactly one of ${ACTIONS.join(', ')}`)
  const {answer, message} = rule
  if (message !== undefined && (name !== 'answer' || typeof message !== 'string'))
    throw wrong(`${where}.message`, 'is the text that goes with "answer"')
  if (name === 'answer') {
    if (!isHttpError(answer) && !isStatusName(answer))
      throw wrong(`${where}.answer`, 'must be an HTTP status from 400 to 599 or a code such as "UNAVAILABLE"')
    return {answer, ...(message === undefined ? {} : {message})}
  }
  if (name === 'delayMs') return {delayMs: count(rule, 'delayMs', where) ?? 0}
  if (rule[name] !== true) throw wrong(`${where}.${name}`, 'must be true')
  return name === 'hang' ? {hang: true} : {break: true}
}

function isHttpError(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 400 && value <= 599
}

function count(rule: Readonly<Record<string, unknown>>, name: string, where: string): number | undefined {
  const value = rule[name]
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw wrong(`${where}.${name}`, 'must be a whole number, not negative')
  return value
}

function record(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(where, 'must be an object')
  return {...value}
}

function wrong(where: string, what: string): ApiError {
  return new ApiError('INVALID_ARGUMENT', `Fault plan: ${where} ${what}.`)
}
