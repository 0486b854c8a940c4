/**
 * Who calls, as IAM spells members: `serviceAccount:EMAIL`; `owner` is the person at the keyboard (the main port
 * without a token), who may do everything; `allUsers` is an unknown caller.
 */
export type Principal = 'owner' | 'allUsers' | `serviceAccount:${string}`

/** What a handler knows about the call other than its request. */
export interface Call {
  readonly principal: Principal
  /** Aborted when the caller goes away or the local cloud stops. */
  readonly signal: AbortSignal
  /** Origin under which the caller reached the local cloud, e.g. `http://127.0.0.1:4510`. */
  readonly origin: string
}
