import {get} from 'node:http'
import {connect} from 'node:net'
import type {Clock} from '../wire/clock.ts'
import {checkGrpcHealth} from './grpc-health.ts'
import type {Instance} from './instance.ts'

/** How it is known that an instance is ready; seconds as in google.cloud.run.v2.Probe. */
export interface StartupProbe {
  readonly initialDelaySeconds: number
  readonly timeoutSeconds: number
  readonly periodSeconds: number
  readonly failureThreshold: number
  /** Without this and `grpc` a TCP connection is enough. */
  readonly httpGet: {readonly path: string; readonly headers: Readonly<Record<string, string>>} | undefined
  /** `service` of the health protocol; '' for the whole server. */
  readonly grpc: {readonly service: string} | undefined
}

/** Cloud Run's default: one TCP probe that may take 240 s (cloud.google.com/run/docs/configuring/healthchecks). */
export const DEFAULT_PROBE: StartupProbe = {
  initialDelaySeconds: 0,
  timeoutSeconds: 240,
  periodSeconds: 240,
  failureThreshold: 1,
  httpGet: undefined,
  grpc: undefined,
}

/** Looking whether the port is open costs next to nothing on this machine; an instance that tells is not waited for. */
const LOOK_EVERY_MS = 25
const SLOWEST_HINT_MS = 250

export type StartupResult =
  | {readonly ready: true}
  | {readonly ready: false; readonly why: 'exited' | 'timeout' | 'unhealthy'; readonly detail: string}

/**
 * Waits until an instance is ready. The port is looked at as soon as the instance tells that it listens; after that
 * an HTTP or gRPC probe is sent at once and then in its period, so that nobody waits ten seconds for a process that starts in
 * one.
 */
export async function waitUntilReady(
  instance: Instance,
  probe: StartupProbe,
  clock: Clock,
): Promise<StartupResult> {
  const limitMs = (probe.initialDelaySeconds + probe.periodSeconds * probe.failureThreshold) * 1000
  const ended = new AbortController()
  const exit = instance.exited.then(({code, signal, outOfMemory}): StartupResult => ({
    ready: false,
    why: 'exited',
    detail: `${signal === null ? `exit code ${code}` : `signal ${signal}`}${outOfMemory ? ', out of memory,' : ''}`,
  }))
  const timeout = Promise.withResolvers<StartupResult>()
  const timer = clock.after(limitMs, () =>
    timeout.resolve({ready: false, why: 'timeout', detail: `${limitMs / 1000} s`}),
  )
  try {
    return await Promise.race([
      exit,
      timeout.promise,
      probeUntilHealthy(instance, probe, clock, ended.signal),
    ])
  } finally {
    ended.abort()
    timer.clear()
  }
}

async function probeUntilHealthy(
  instance: Instance,
  probe: StartupProbe,
  clock: Clock,
  signal: AbortSignal,
): Promise<StartupResult> {
  // What listens first may be another port of the instance, so the hint is good for one look only.
  await Promise.race([instance.listening, realTime(SLOWEST_HINT_MS)])
  while (!(await isOpen(instance.port))) {
    if (signal.aborted) return {ready: false, why: 'timeout', detail: ''}
    await realTime(LOOK_EVERY_MS)
  }
  const check = checkOf(instance.port, probe)
  if (!check) return {ready: true}
  let detail = ''
  for (let failures = 0; failures < probe.failureThreshold && !signal.aborted; failures++) {
    const outcome = await check.run()
    if (outcome === undefined) return {ready: true}
    detail = outcome
    if (failures + 1 < probe.failureThreshold) await passing(clock, probe.periodSeconds * 1000, signal)
  }
  return {ready: false, why: 'unhealthy', detail: `${check.name}: ${detail}`}
}

/** What is asked of an instance that listens; `run` tells what was wrong. */
function checkOf(
  port: number,
  {httpGet, grpc, timeoutSeconds}: StartupProbe,
): {name: string; run: () => Promise<string | undefined>} | undefined {
  const timeoutMs = timeoutSeconds * 1000
  if (httpGet) return {name: `GET ${httpGet.path}`, run: () => request(port, httpGet, timeoutMs)}
  if (grpc)
    return {
      name: `gRPC health check of "${grpc.service}"`,
      run: () => checkGrpcHealth(port, grpc.service, timeoutMs),
    }
  return undefined
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** @returns what was wrong, or `undefined` for 200–399, as Kubernetes has it */
function request(
  port: number,
  {path, headers}: {path: string; headers: Readonly<Record<string, string>>},
  timeoutMs: number,
): Promise<string | undefined> {
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

function passing(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, resolve)
    signal.addEventListener('abort', () => {
      timer.clear()
      resolve()
    })
  })
}

/** Looking at a port is I/O with the world outside, which no injected clock can move. */
function realTime(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
