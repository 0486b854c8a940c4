import type {AccessControl} from '../iam/access.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Call} from '../wire/call.ts'
import type {Clock, Timer} from '../wire/clock.ts'
import type {StreamHandler} from '../wire/rpc.ts'
import {type CompleteEntry, sortableTimestamp} from './entries.ts'
import {compileFilter} from './filter/match.ts'
import {parseDuration} from './filter/values.ts'
import {parentsOfResources} from './names.ts'

/** google.logging.v2.TailLogEntriesRequest.buffer_window */
const BUFFER_WINDOW_SECONDS = 2
const LONGEST_BUFFER_WINDOW_SECONDS = 60
/** "The maximum duration for tail": https://cloud.google.com/logging/docs/reference/tools/live-tail#limits */
const LONGEST_SESSION_MS = 3600_000
/** Entries that wait for a client; more are left out and counted. */
const MOST_WAITING = 10_000

interface TailRequest {
  resourceNames?: string[]
  filter?: string
  bufferWindow?: string
}

interface TailResponse {
  entries: CompleteEntry[]
  suppressionInfo?: {reason: 'NOT_CONSUMED'; suppressedCount: number}[]
}

export interface Tails {
  /** Passes newly durable entries to every tail. */
  publish(entries: readonly CompleteEntry[]): void
  /** TailLogEntries: one request, then entries until the client ends its side. */
  readonly tail: StreamHandler<TailRequest, TailResponse>
}

/** Live tails: an entry is held for the buffer window, so a late one still comes in order. */
export function createTails({clock, access}: {clock: Clock; access: AccessControl}): Tails {
  const sessions = new Set<Session>()
  return {
    publish(entries) {
      for (const session of sessions) session.offer(entries)
    },
    async *tail(requests, call) {
      const incoming = requests[Symbol.asyncIterator]()
      const first = await incoming.next()
      if (first.done === true) return
      const session = openSession(first.value, {call, clock, access})
      sessions.add(session)
      incoming.next().then(
        ({done}) =>
          session.end(
            done === true ? undefined : new ApiError('INVALID_ARGUMENT', 'A tail session takes one request.'),
          ),
        () => session.end(),
      )
      const limit = clock.after(LONGEST_SESSION_MS, () =>
        session.end(new ApiError('OUT_OF_RANGE', 'The maximum duration for tail has been met.')),
      )
      try {
        yield* session.responses()
      } finally {
        limit.clear()
        sessions.delete(session)
        session.end()
      }
    },
  }
}

function openSession(
  {resourceNames = [], filter = '', bufferWindow}: TailRequest,
  {call, clock, access}: {call: Call; clock: Clock; access: AccessControl},
): Session {
  const parents = parentsOfResources(resourceNames)
  for (const parent of parents) access.require(call.principal, 'logging.logEntries.list', parent)
  const seconds = bufferWindow === undefined ? BUFFER_WINDOW_SECONDS : parseDuration(bufferWindow)
  if (seconds === undefined || seconds < 0 || seconds > LONGEST_BUFFER_WINDOW_SECONDS) {
    throw new ApiError(
      'INVALID_ARGUMENT',
      `buffer_window is ${bufferWindow}; it must be between 0s and ${LONGEST_BUFFER_WINDOW_SECONDS}s.`,
    )
  }
  const {matches} = compileFilter(filter)
  const prefixes = parents.map((parent) => `${parent}/logs/`)
  const session = new Session({
    clock,
    windowMs: seconds * 1000,
    wants: (entry) => prefixes.some((prefix) => entry.logName.startsWith(prefix)) && matches(entry),
  })
  if (call.signal.aborted) session.end()
  call.signal.addEventListener('abort', () => session.end(), {once: true})
  return session
}

interface Held {
  readonly entry: CompleteEntry
  readonly arrived: number
  /** Compares as the order of entries does. */
  readonly order: string
}

class Session {
  readonly #clock: Clock
  readonly #windowMs: number
  readonly #wants: (entry: CompleteEntry) => boolean
  /** In the order of arrival. */
  #held: Held[] = []
  #ready: CompleteEntry[] = []
  #suppressed = 0
  #timer: Timer | undefined
  #ended = false
  #error: ApiError | undefined
  #wake: () => void = () => undefined

  constructor({
    clock,
    windowMs,
    wants,
  }: {
    clock: Clock
    windowMs: number
    wants: (entry: CompleteEntry) => boolean
  }) {
    this.#clock = clock
    this.#windowMs = windowMs
    this.#wants = wants
  }

  offer(entries: readonly CompleteEntry[]): void {
    for (const entry of entries) {
      if (!this.#wants(entry)) continue
      if (this.#held.length + this.#ready.length >= MOST_WAITING) this.#suppressed += 1
      else {
        this.#held.push({
          entry,
          arrived: this.#clock.monotonic(),
          order: `${sortableTimestamp(entry)} ${entry.insertId}`,
        })
      }
    }
    this.#arm()
  }

  end(error?: ApiError): void {
    this.#ended = true
    this.#error ??= error
    this.#timer?.clear()
    this.#wake()
  }

  async *responses(): AsyncGenerator<TailResponse> {
    while (!this.#ended) {
      if (this.#ready.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        continue
      }
      const entries = this.#ready
      const suppressedCount = this.#suppressed
      this.#ready = []
      this.#suppressed = 0
      yield {
        entries,
        ...(suppressedCount > 0 ? {suppressionInfo: [{reason: 'NOT_CONSUMED', suppressedCount}]} : {}),
      }
    }
    if (this.#error) throw this.#error
  }

  #arm(): void {
    const [oldest] = this.#held
    if (this.#timer || !oldest || this.#ended) return
    this.#timer = this.#clock.after(oldest.arrived + this.#windowMs - this.#clock.monotonic(), () => {
      this.#timer = undefined
      this.#release()
      this.#arm()
    })
  }

  /** Lets go what was held long enough, and whatever belongs before it. */
  #release(): void {
    const deadline = this.#clock.monotonic() - this.#windowMs
    const newest = this.#held
      .filter(({arrived}) => arrived <= deadline)
      .reduce((latest, {order}) => (order > latest ? order : latest), '')
    const released = this.#held
      .filter(({order}) => order <= newest)
      .toSorted((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0))
    this.#held = this.#held.filter(({order}) => order > newest)
    this.#ready.push(...released.map(({entry}) => entry))
    this.#wake()
  }
}
