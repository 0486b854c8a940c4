import type {Denial} from './iam/access.ts'
import {type Enforcement, IAM_MODES, type IamMode} from './iam/enforcement.ts'
import type {Inventory} from './inventory.ts'
import type {ListedInstance} from './run/index.ts'
import {ApiError} from './wire/api-error.ts'
import type {Principal} from './wire/call.ts'
import type {OutsideCall} from './wire/outside-calls.ts'
import type {RequestLog} from './wire/request-log.ts'
import {type HttpRequest, type HttpResponse, route, type Route} from './wire/routes.ts'

/** What the local cloud reports about itself. */
export interface LocalCloudStatus extends Inventory {
  readonly pid: number
  readonly version: string
  /** Origin that serves every API, e.g. `http://127.0.0.1:24510`. */
  readonly endpoint: string
  /** RFC 3339. */
  readonly startedAt: string
  /** Its time, RFC 3339: `local time advance` moves it ahead. */
  readonly time: string
  readonly stateFolder: string
  /** Origin of the forward proxy, e.g. `http://127.0.0.1:24511`. */
  readonly proxy: string
  /** Origin on the address that `--bind` names, for callers with the token. */
  readonly bound?: string
  /** The same APIs by REST over TLS, e.g. `https://127.0.0.1:24512`, and the file of the certificate to trust. */
  readonly tls: {readonly endpoint: string; readonly certificate: string}
  readonly instances: readonly ListedInstance[]
  /** Number of buckets in all projects; with none left, no pipeline exists. */
  readonly buckets: number
  /** Number of injected faults that are still to happen. */
  readonly faults: number
  readonly iam: IamMode
  /** What IAM refused, or in `audit` would have, newest first. */
  readonly denials: readonly Denial[]
  /** Calls that would have left the machine and were refused, newest first. */
  readonly outsideCalls: readonly OutsideCall[]
}

/** What its owner does to a running local cloud. */
export interface Control {
  /** @returns the local cloud's time from now on, RFC 3339 */
  advanceTime(ms: number): string
  /** Removes everything but the ports and the snapshots, and starts again. */
  reset(): Promise<void>
  /** @throws ApiError INVALID_ARGUMENT for a name that no file can have */
  saveSnapshot(name: string): void
  /** Starts again on a snapshot. @throws ApiError NOT_FOUND */
  loadSnapshot(name: string): Promise<void>
  snapshots(): Promise<string[]>
}

/** The local cloud's own routes, under a name that no Google API uses; faults leave them alone. */
export function adminRoutes({
  status,
  stop,
  enforcement,
  requests,
  control,
}: {
  status: () => LocalCloudStatus
  stop: () => void
  enforcement: Enforcement
  requests: RequestLog
  control: Control
}): Route[] {
  return [
    ownerRoute('GET', 'status', () => ({json: status()})),
    ownerRoute('POST', 'stop', () => {
      // Send the response first.
      setImmediate(stop)
      return {json: {}}
    }),
    ownerRoute('GET', 'requests', ({url}) => ({
      json: {requests: requests.list(Number(url.searchParams.get('after') ?? 0))},
    })),
    ownerRoute('PUT', 'iam', async ({json}) => {
      const {mode} = await json()
      const known = IAM_MODES.find((each) => each === mode)
      if (known === undefined)
        throw new ApiError('INVALID_ARGUMENT', `Invalid value at 'mode': one of ${IAM_MODES.join(', ')}.`)
      await enforcement.set(known)
      return {json: {mode: known}}
    }),
    ownerRoute('POST', 'time', async ({json}) => {
      const {advanceSeconds} = await json()
      if (typeof advanceSeconds !== 'number' || !(advanceSeconds >= 0))
        throw new ApiError('INVALID_ARGUMENT', "Invalid value at 'advanceSeconds': a number of seconds.")
      return {json: {time: control.advanceTime(advanceSeconds * 1000)}}
    }),
    startsAgain('reset', () => control.reset()),
    ownerRoute('GET', 'snapshots', async () => ({json: {snapshots: await control.snapshots()}})),
    ownerRoute('PUT', 'snapshots/:name', ({params}) => {
      control.saveSnapshot(params['name'] ?? '')
      return {json: {}}
    }),
    startsAgain('snapshots/:name/load', ({params}) => control.loadSnapshot(params['name'] ?? '')),
  ]
}

/** A route that answers when the local cloud has started again. */
function startsAgain(path: string, work: (request: HttpRequest) => Promise<void>): Route {
  const handle = async (request: HttpRequest): Promise<HttpResponse> => {
    await work(request)
    return {json: {}}
  }
  return {...ownerRoute('POST', path, handle), outlivesServer: true}
}

/** A route at `/_local-cloud/PATH` for the person at the keyboard alone. */
export function ownerRoute(
  method: string,
  path: string,
  handle: (request: HttpRequest) => HttpResponse | Promise<HttpResponse>,
): Route {
  const guarded: Route['handle'] = (request) => {
    requireOwner(request.call.principal)
    return handle(request)
  }
  return {...route(method, `/_local-cloud/${path}`, guarded), beyondFaults: true}
}

/** @throws ApiError PERMISSION_DENIED for anyone but the person at the keyboard */
function requireOwner(principal: Principal): void {
  if (principal !== 'owner') {
    throw new ApiError(
      'PERMISSION_DENIED',
      `${principal} may not control the local cloud; only its owner may.`,
    )
  }
}
