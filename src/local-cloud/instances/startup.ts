import {connect} from 'node:net'
import type {Clock} from '../wire/clock.ts'
import type {Instance} from './instance.ts'
import {checkOf, passing, type Probe} from './probe.ts'

/** Cloud Run's default: one TCP probe that may take 240 s (cloud.google.com/run/docs/configuring/healthchecks). */
export const DEFAULT_STARTUP_PROBE: Probe = {
  initialDelaySeconds: 0,
  timeoutSeconds: 240,
  periodSeconds: 240,
  failureThreshold: 1,
  httpGet: undefined,
  grpc: undefined,
}

/** How often to check whether the port is open, which is cheap on this machine. */
const LOOK_EVERY_MS = 25
const SLOWEST_HINT_MS = 250

export type StartupResult =
  | {readonly ready: true}
  | {readonly ready: false; readonly why: 'exited' | 'timeout' | 'unhealthy'; readonly detail: string}

/**
 * Waits until an instance is ready. The port is checked as soon as the instance reports that it listens; then an
 * HTTP or gRPC probe is sent at once and after that in its period, so that a process that starts in one second does not
 * take ten.
 */
export async function waitUntilReady(instance: Instance, probe: Probe, clock: Clock): Promise<StartupResult> {
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
  probe: Probe,
  clock: Clock,
  signal: AbortSignal,
): Promise<StartupResult> {
  // The first port to listen may be another one, so the hint is good for one check only.
  await Promise.race([instance.listening, realTime(SLOWEST_HINT_MS)])
  while (!(await isOpen(instance.port))) {
    if (signal.aborted) return {ready: false, why: 'timeout', detail: ''}
    await realTime(LOOK_EVERY_MS)
  }
  const check = checkOf(instance, probe)
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

/** Checking a port is real I/O, which no injected clock can move. */
function realTime(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
