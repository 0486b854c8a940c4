import {AsyncLocalStorage} from 'node:async_hooks'
import {ApiError, type StatusName} from './api-error.ts'
import type {Principal} from './call.ts'
import type {Clock} from './clock.ts'

const MAX_AGE_MS = 3600_000
/** Roughly, as text. */
const MAX_BYTES = 1024 * 1024

/** A permission that a request needed. */
export interface PermissionCheck {
  readonly principal: Principal
  readonly permission: string
  readonly resource: string
  /** `missing`: not granted, but the request was served all the same. */
  readonly decision: 'allowed' | 'denied' | 'missing'
  /** If it is not granted: the smallest role on the resource that would have allowed it. */
  readonly role?: string
}

/** A request that was answered, or a permission that the local cloud checked for work of its own. */
export interface LoggedRequest {
  /** Increases over time, restarts included. */
  readonly id: number
  /** RFC 3339. */
  readonly time: string
  readonly principal: Principal
  /** `GET`, or `gRPC`; absent for the local cloud's own work. */
  readonly method?: string
  /** Without the query. */
  readonly path?: string
  /** HTTP status, or the code of a gRPC call. */
  readonly status?: number | StatusName | 'OK' | undefined
  /** Why it failed, as its caller reads it. */
  readonly error?: string
  readonly checks: readonly PermissionCheck[]
}

type End<T> = {readonly value: T} | {readonly error: unknown}

/** The latest requests with what access control decided: an hour or a megabyte of them, in memory. */
export interface RequestLog {
  /** Records a request once `work` has ended. */
  within<T>(
    request: Pick<LoggedRequest, 'principal' | 'method' | 'path'>,
    work: () => Promise<T> | T,
    statusOf: (end: End<T>) => LoggedRequest['status'],
  ): Promise<T>
  /** Records a request that was refused before any work. */
  refused(request: Pick<LoggedRequest, 'principal' | 'method' | 'path' | 'status'>, error: unknown): void
  /** Adds a decision to the request in progress. */
  checked(check: PermissionCheck): void
  /** Oldest first. @param after only requests with a higher id */
  list(after: number): LoggedRequest[]
}

export function createRequestLog(clock: Clock): RequestLog {
  // Timers that a request starts keep its context after it has ended.
  const current = new AsyncLocalStorage<{readonly checks: PermissionCheck[]; hasEnded: boolean}>()
  let kept: {readonly request: Omit<LoggedRequest, 'time'>; readonly at: number; readonly size: number}[] = []
  let bytes = 0
  // Higher than all before the last start: no log grows by a thousand requests a millisecond.
  let lastId = Math.floor(clock.now()) * 1000

  function add(request: Omit<LoggedRequest, 'id' | 'time'>): void {
    const at = clock.now()
    const size =
      150 + (request.path?.length ?? 0) + (request.error?.length ?? 0) + request.checks.length * 200
    lastId += 1
    kept.push({request: {id: lastId, ...request}, at, size})
    bytes += size
    if (bytes > MAX_BYTES) forget()
  }

  /** Half of them at once, so that a request costs next to nothing. The owner may do anything: those say the least. */
  function forget(): void {
    const others = kept.filter(
      ({request}, index) => index >= kept.length / 2 || request.principal !== 'owner',
    )
    kept = others.length <= kept.length * 0.75 ? others : kept.slice(kept.length / 2)
    bytes = kept.reduce((sum, each) => sum + each.size, 0)
  }

  const reasonOf = (error: unknown): {error?: string} =>
    error instanceof ApiError ? {error: error.message} : {}

  return {
    refused: (request, error) => add({...request, ...reasonOf(error), checks: []}),
    async within<T>(
      request: Pick<LoggedRequest, 'principal' | 'method' | 'path'>,
      work: () => Promise<T> | T,
      statusOf: (end: End<T>) => LoggedRequest['status'],
    ) {
      const context: {checks: PermissionCheck[]; hasEnded: boolean} = {checks: [], hasEnded: false}
      const end = (how: End<T>): void => {
        context.hasEnded = true
        add({
          ...request,
          status: statusOf(how),
          ...('error' in how ? reasonOf(how.error) : {}),
          checks: context.checks,
        })
      }
      try {
        const value = await current.run(context, work)
        end({value})
        return value
      } catch (error) {
        end({error})
        throw error
      }
    },
    checked(check) {
      const context = current.getStore()
      if (context && !context.hasEnded) context.checks.push(check)
      else add({principal: check.principal, checks: [check]})
    },
    list(after) {
      const since = clock.now() - MAX_AGE_MS
      return kept
        .filter(({request, at}) => request.id > after && at >= since)
        .map(({request: {id, ...rest}, at}) => ({id, time: new Date(at).toISOString(), ...rest}))
    },
  }
}
