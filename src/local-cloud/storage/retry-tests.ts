import {randomBytes} from 'node:crypto'
import {ApiError} from '../wire/api-error.ts'
import type {FaultAction, FaultPoint} from '../wire/fault-rules.ts'
import type {FaultPlan} from '../wire/faults.ts'
import {type HttpRequest, type HttpResponse, route, type Route} from '../wire/routes.ts'
import {methodOfRetryTest} from './method-ids.ts'

const KIB = 1024
/** "A few downloaded bytes" of `return-broken-stream`. */
const FEW_BYTES = 4

/** A failure that the control API names, as a rule without its call. */
type Failure = FaultAction & FaultPoint

/** The failures of https://github.com/googleapis/storage-testbench#forced-failures-supported, over HTTP. */
const FAILURES: readonly {
  readonly pattern: RegExp
  readonly failure: (groups: Readonly<Record<string, string>>) => Failure
}[] = [
  {pattern: /^return-(?<status>[45]\d\d)$/, failure: ({status = ''}) => returned(status)},
  {
    pattern: /^return-(?<status>[45]\d\d)-after-(?<kib>\d{1,9})K$/,
    failure: ({status = '', kib}) => ({...returned(status), afterRequestBytes: Number(kib) * KIB}),
  },
  {
    pattern: /^return-broken-stream-final-chunk-after-(?<bytes>\d{1,12})B$/,
    failure: ({bytes}) => ({break: true, afterResponseBytes: Number(bytes)}),
  },
  {
    pattern: /^return-broken-stream$/,
    failure: () => ({break: true, afterResponseBytes: FEW_BYTES}),
  },
  {
    pattern: /^return-broken-stream-after-(?<kib>\d{1,9})K$/,
    failure: ({kib}) => ({break: true, afterResponseBytes: Number(kib) * KIB}),
  },
  {pattern: /^return-reset-connection$/, failure: () => ({break: true})},
]
const STALL = /^stall-for-(?<seconds>\d{1,6})s-after-(?<kib>\d{1,9})K$/

interface RetryTest {
  readonly id: string
  readonly methods: readonly string[]
}

/** Retry tests, in memory only. */
export interface RetryTests {
  readonly routes: Route[]
  /** Whether a test of this id, as the header `x-retry-test-id` names it, exists; without an id: any. */
  has(id?: string): boolean
}

/**
 * The control API by which Google's client teams test retries, as storage-testbench defines it: a retry test names
 * failures per method, in their order; calls with the header `x-retry-test-id` get them.
 */
export function createRetryTests(faults: FaultPlan): RetryTests {
  const tests = new Map<string, RetryTest>()
  const words = new Map<string, string>()

  const json = ({id, methods}: RetryTest): object => {
    const left = faults.list().filter(({on}) => on.retryTestId === id)
    const instructions = methods.map((method) => [
      method,
      left
        .filter(({on}) => on.rpc === methodOfRetryTest(method))
        .flatMap((fault) => words.get(fault.id) ?? []),
    ])
    return {
      id,
      instructions: Object.fromEntries(instructions),
      transport: 'HTTP',
      completed: left.length === 0,
    }
  }
  const find = ({params}: HttpRequest): RetryTest => {
    const test = tests.get(params['id'] ?? '')
    if (!test) throw new ApiError('NOT_FOUND', `Retry Test ${params['id']} does not exist.`)
    return test
  }
  const forget = ({id}: RetryTest): void => {
    for (const fault of faults.list()) if (fault.on.retryTestId === id) faults.remove(fault.id)
    tests.delete(id)
  }

  const create = async (request: HttpRequest): Promise<HttpResponse> => {
    const {instructions, transport = 'HTTP'} = await request.json()
    if (String(transport).toUpperCase() !== 'HTTP') {
      // The clients' tests skip what storage-testbench answers this way.
      const error = {
        code: 501,
        message: `Storage over ${String(transport)} is not implemented by the local cloud.`,
      }
      return {status: 501, json: {error}}
    }
    if (typeof instructions !== 'object' || instructions === null || Object.keys(instructions).length === 0)
      throw new ApiError('INVALID_ARGUMENT', 'instructions must name a method and its failures.')
    const id = randomBytes(16).toString('hex')
    const planned = Object.entries(instructions).flatMap(([method, failures]: [string, unknown]) => {
      const rpc = methodOfRetryTest(method)
      if (rpc === undefined) throw new ApiError('INVALID_ARGUMENT', `${method} is not a served method.`)
      if (!Array.isArray(failures))
        throw new ApiError('INVALID_ARGUMENT', `instructions["${method}"] must be a list of failures.`)
      return failures.map((word: unknown) => ({
        word: String(word),
        rule: {on: {rpc, retryTestId: id}, ...failureOf(String(word), method)},
      }))
    })
    const test = {id, methods: Object.keys(instructions)}
    tests.set(id, test)
    for (const {word, rule} of planned) for (const {id: fault} of faults.add([rule])) words.set(fault, word)
    return {json: json(test)}
  }

  const routes = [
    route('POST', '/retry_test', create),
    route('GET', '/retry_tests', () => ({json: {retry_test: [...tests.values()].map(json)}})),
    route('GET', '/retry_test/:id', (request) => ({json: json(find(request))})),
    route('DELETE', '/retry_test/:id', (request) => {
      forget(find(request))
      return {json: {}}
    }),
  ].map((each) => ({...each, beyondFaults: true}))
  return {routes, has: (id) => (id === undefined ? tests.size > 0 : tests.has(id))}
}

function returned(status: string): FaultAction {
  return {answer: Number(status), message: `Retry Test: Caused a ${status}`}
}

/** @throws ApiError INVALID_ARGUMENT for a failure that is not known */
function failureOf(word: string, method: string): Failure {
  for (const {pattern, failure} of FAILURES) {
    const match = pattern.exec(word)
    if (match) return failure(match.groups ?? {})
  }
  const {seconds, kib} = STALL.exec(word)?.groups ?? {}
  if (seconds === undefined)
    throw new ApiError('INVALID_ARGUMENT', `The failure "${word}" is not known to the local cloud.`)
  const bytes = Number(kib) * KIB
  return {
    delayMs: Number(seconds) * 1000,
    ...(method === 'storage.objects.insert' ? {afterRequestBytes: bytes} : {afterResponseBytes: bytes}),
  }
}
