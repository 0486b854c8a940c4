import {randomUUID} from 'node:crypto'
import {ApiError, type StatusName} from './api-error.ts'
import type {Principal} from './call.ts'
import type {Clock} from './clock.ts'
import type {FaultAction, FaultRule} from './fault-rules.ts'

/** A call as faults are picked for it. */
export interface FaultyCall {
  /** `google.pubsub.v1.Publisher/Publish`, `storage.objects.insert`; `undefined` for a route without a name. */
  readonly name: string | undefined
  readonly method: string
  /** Without the query, as it was sent. */
  readonly path: string
  readonly principal: Principal
  /** The header `x-retry-test-id`. */
  readonly retryTestId: string | undefined
}

/** A fault that was picked for a call. */
export interface Fault {
  readonly action: FaultAction
  /** Applies at once if neither is given. */
  readonly afterRequestBytes: number | undefined
  readonly afterResponseBytes: number | undefined
  /** Counts it. `false` if another call has used it up meanwhile: then nothing happens. */
  take(): boolean
}

/** A rule and how often it is still to happen. */
export type ArmedFault = FaultRule & {readonly id: string; readonly left: number}

/** What goes wrong on purpose: rules in their order, in memory only. */
export interface FaultPlan {
  add(rules: readonly FaultRule[]): ArmedFault[]
  /** Those that are still to happen. */
  list(): ArmedFault[]
  /** Forgets one, or all of them. @returns whether there was one */
  remove(id?: string): boolean
  /** Whether there is none. */
  readonly isEmpty: boolean
  /** The first rule that picks the call. */
  find(call: FaultyCall): Fault | undefined
  /**
   * Lets a fault happen to a call: returns when the call is to continue.
   * @throws InjectedFault if it is not
   */
  carryOut(action: FaultAction, victim: Victim): Promise<void>
}

/** What a fault needs of the call that it happens to. */
export interface Victim {
  /** Aborted when the caller has left. */
  readonly signal: AbortSignal
  /** Resets the connection. */
  readonly breakConnection: () => void
}

/** The error that a caller gets on purpose, or the end of a call whose connection was broken. */
export class InjectedFault extends ApiError {
  readonly #httpStatus: number

  constructor(status: StatusName, httpStatus: number, message: string) {
    super(status, message)
    this.#httpStatus = httpStatus
  }

  override get httpStatus(): number {
    return this.#httpStatus
  }
}

/** The canonical code for an HTTP status (google/rpc/code.proto). */
const CODE_OF_HTTP_STATUS: Readonly<Record<number, StatusName>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  408: 'DEADLINE_EXCEEDED',
  409: 'ABORTED',
  412: 'FAILED_PRECONDITION',
  416: 'OUT_OF_RANGE',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

export function createFaultPlan({clock}: {clock: Clock}): FaultPlan {
  let armed: {readonly id: string; readonly rule: FaultRule; left: number}[] = []
  const shown = ({id, rule, left}: (typeof armed)[number]): ArmedFault => ({id, ...rule, left})

  return {
    add(rules) {
      const added = rules.map((rule) => ({id: randomUUID(), rule, left: rule.times ?? 1}))
      armed.push(...added)
      return added.map(shown)
    },
    list: () => armed.map(shown),
    remove(id) {
      const before = armed.length
      armed = id === undefined ? [] : armed.filter((each) => each.id !== id)
      return armed.length < before
    },
    get isEmpty() {
      return armed.length === 0
    },
    find(call) {
      const found = armed.find(({rule}) => picks(rule.on, call))
      if (found === undefined) return undefined
      const {rule} = found
      return {
        action: rule,
        afterRequestBytes: rule.afterRequestBytes,
        afterResponseBytes: rule.afterResponseBytes,
        take() {
          if (found.left === 0) return false
          found.left -= 1
          if (found.left === 0) armed = armed.filter((each) => each !== found)
          return true
        },
      }
    },
    async carryOut(action, {signal, breakConnection}) {
      if ('delayMs' in action) {
        await untilLeft(signal, (resolve) => clock.after(action.delayMs, resolve))
        return
      }
      if ('answer' in action) throw answerOf(action.answer, action.message)
      if ('break' in action) breakConnection()
      else await untilLeft(signal, () => undefined)
      throw new InjectedFault('CANCELLED', 499, 'The call was broken off on purpose.')
    },
  }
}

function answerOf(answer: number | StatusName, message?: string): InjectedFault {
  const status = typeof answer === 'string' ? answer : (CODE_OF_HTTP_STATUS[answer] ?? 'UNKNOWN')
  const httpStatus = typeof answer === 'string' ? new ApiError(answer, '').httpStatus : answer
  return new InjectedFault(status, httpStatus, message ?? `Fault on purpose: ${answer}.`)
}

/** Waits for what `begin` starts, or until the caller has left. */
function untilLeft(
  signal: AbortSignal,
  begin: (resolve: () => void) => {clear(): void} | undefined,
): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const leave = (): void => {
      timer?.clear()
      resolve()
    }
    const timer = begin(() => {
      signal.removeEventListener('abort', leave)
      resolve()
    })
    signal.addEventListener('abort', leave, {once: true})
  })
}

function picks({rpc, method, path, principal, retryTestId}: FaultRule['on'], call: FaultyCall): boolean {
  return (
    (rpc === undefined || (call.name !== undefined && matches(rpc, call.name))) &&
    (method === undefined || method === call.method) &&
    (path === undefined || matches(path, call.path)) &&
    (principal === undefined || principal === call.principal) &&
    // A retry test is for the calls that carry its id, and for no other.
    retryTestId === call.retryTestId
  )
}

const escape = (text: string): string => text.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`)

/** `*` matches anything but a slash, `**` anything. */
function matches(pattern: string, text: string): boolean {
  const source = pattern
    .split('**')
    .map((part) => part.split('*').map(escape).join('[^/]*'))
    .join('.*')
  return new RegExp(`^${source}$`).test(text)
}
