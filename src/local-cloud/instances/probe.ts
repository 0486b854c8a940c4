import {get} from '../node-http.ts'
import type {Clock} from '../wire/clock.ts'
import type {Instance} from './instance.ts'

/** How and how often to check an instance; seconds as in google.cloud.run.v2.Probe. */
export interface Probe {
  readonly initialDelaySeconds: number
  readonly timeoutSeconds: number
  readonly periodSeconds: number
  readonly failureThreshold: number
  /** Without this and `grpc` a TCP connection is enough. `port`: the instance's own unless set. */
  readonly httpGet:
    | {
        readonly path: string
        readonly headers: Readonly<Record<string, string>>
        readonly port: number | undefined
      }
    | undefined
  /** `service` of the health protocol; '' for the whole server. */
  readonly grpc: {readonly service: string; readonly port: number | undefined} | undefined
}

/** A check of an instance; `run` resolves to what is wrong, `undefined` if it is healthy. */
export interface Check {
  readonly name: string
  run(): Promise<string | undefined>
}

/** @returns `undefined` for a TCP probe */
export function checkOf(
  {port, reach}: Pick<Instance, 'port' | 'reach'>,
  {httpGet, grpc, timeoutSeconds}: Probe,
): Check | undefined {
  const timeoutMs = timeoutSeconds * 1000
  const portOf = (declared: number | undefined): number =>
    declared === undefined ? port : (reach.ports.get(declared) ?? declared)
  if (httpGet) {
    const headers = {...httpGet.headers, ...reach.headers}
    return {
      name: `GET ${httpGet.path}`,
      run: () => request({port: portOf(httpGet.port), path: httpGet.path, headers, timeoutMs}),
    }
  }
  if (grpc)
    return {
      name: `gRPC health check of "${grpc.service}"`,
      async run() {
        const {checkGrpcHealth} = await import('./grpc-health.ts')
        return checkGrpcHealth(portOf(grpc.port), grpc.service, timeoutMs)
      },
    }
  return undefined
}

/** @returns what is wrong, or `undefined` for 200–399, as in Kubernetes */
function request({
  port,
  path,
  headers,
  timeoutMs,
}: {
  port: number
  path: string
  headers: Readonly<Record<string, string>>
  timeoutMs: number
}): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = get(
      {port, host: '127.0.0.1', path, headers, agent: false, timeout: timeoutMs},
      (response) => {
        response.resume()
        const status = response.statusCode ?? 0
        resolve(status >= 200 && status < 400 ? undefined : `status ${status}`)
      },
    )
    probe.once('timeout', () => probe.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)))
    probe.once('error', (error) => resolve(error.message))
  })
}

/** Resolves after `ms` on the clock, or when the signal aborts. */
export function passing(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timer.clear()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.after(ms, end)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
}
