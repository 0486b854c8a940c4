import type {Denial} from './iam/access.ts'
import type {ListedInstance} from './run/index.ts'
import {ApiError} from './wire/api-error.ts'
import type {Principal} from './wire/call.ts'
import type {OutsideCall} from './wire/outside-calls.ts'
import {route, type Route} from './wire/routes.ts'

/** What the local cloud reports about itself. */
export interface LocalCloudStatus {
  readonly pid: number
  readonly version: string
  /** Origin that serves every API, e.g. `http://127.0.0.1:24510`. */
  readonly endpoint: string
  /** RFC 3339. */
  readonly startedAt: string
  readonly stateFolder: string
  /** Origin of the forward proxy, e.g. `http://127.0.0.1:24511`. */
  readonly proxy: string
  /** The same APIs by REST over TLS, e.g. `https://127.0.0.1:24512`, and the file of the certificate to trust. */
  readonly tls: {readonly endpoint: string; readonly certificate: string}
  readonly instances: readonly ListedInstance[]
  /** Number of buckets in all projects; with none left, no pipeline exists. */
  readonly buckets: number
  /** Number of injected faults that are still to happen. */
  readonly faults: number
  /** What IAM refused, newest first. */
  readonly denials: readonly Denial[]
  /** Calls that would have left the machine and were refused, newest first. */
  readonly outsideCalls: readonly OutsideCall[]
}

/** The local cloud's own two routes, under a name that no Google API uses. */
export function adminRoutes({status, stop}: {status: () => LocalCloudStatus; stop: () => void}): Route[] {
  return [
    route('GET', '/_local-cloud/status', ({call}) => {
      requireOwner(call.principal)
      return {json: status()}
    }),
    route('POST', '/_local-cloud/stop', ({call}) => {
      requireOwner(call.principal)
      // Send the response first.
      setImmediate(stop)
      return {json: {}}
    }),
  ].map((each) => ({...each, beyondFaults: true}))
}

/** @throws ApiError PERMISSION_DENIED for anyone but the person at the keyboard */
export function requireOwner(principal: Principal): void {
  if (principal !== 'owner') {
    throw new ApiError(
      'PERMISSION_DENIED',
      `${principal} may not control the local cloud; only its owner may.`,
    )
  }
}
