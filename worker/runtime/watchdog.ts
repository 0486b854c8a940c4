import {Worker as Thread} from 'node:worker_threads'
import {errorFields, type Log} from './log.ts'
import type {WorkerSettings} from './settings.ts'
import {watchdogThread, type WatchdogMessage, type WatchdogOptions} from './watchdog-thread.ts'

/** Runs a delivery's work under the watchdog, until it settles. */
export type Watch = <T>(log: Log, work: () => Promise<T>) => Promise<T>

/** The thread itself needs about 4; the rest is for the debugger's data about a large bundle. */
const HEAP_MB = 64

/**
 * A thread beside the event loop that ends the process if the loop is blocked past a delivery's deadline. Against
 * code such as `for (;;) {}` nothing else helps: neither timers nor signals reach a blocked loop, and an instance
 * whose request timed out receives the next one.
 *
 * It starts with the first delivery, or at once if it serves `/healthz`: it costs about 40 ms of CPU and 10 MB.
 * A job's task has none, since Cloud Run ends it at its timeout.
 */
export function createWatchdog(
  {ownDeadlineMs, deadlineMs, healthPort, host, secret}: WorkerSettings,
  log: Log,
): Watch {
  if (ownDeadlineMs === undefined) return (_, work) => work()
  const options: WatchdogOptions = {
    ownDeadlineMs,
    // The process ends while the front end still waits for the answer, so no other request gets the slot.
    toleratedMs: (deadlineMs - ownDeadlineMs) / 2,
    health: healthPort === undefined ? undefined : {port: healthPort, host},
    secret,
  }
  const startThread = (): Thread => {
    const thread = new Thread(`(${watchdogThread.toString()})()`, {
      eval: true,
      workerData: options,
      execArgv: [],
      resourceLimits: {maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: 1, stackSizeMb: 1},
    })
    thread.on('message', () => send(thread, {kind: 'alive'}))
    thread.on('error', (error) => log('ERROR', `the watchdog failed: ${error.message}`, errorFields(error)))
    thread.unref()
    return thread
  }
  let thread = healthPort === undefined ? undefined : startThread()
  const report = (message: WatchdogMessage): void => {
    thread ??= startThread()
    send(thread, message)
  }
  let last = 0
  return async ({common}, work) => {
    last += 1
    const id = last
    // By the system's clock, which both threads share.
    report({kind: 'began', id, endsAtMs: Number(process.hrtime.bigint()) / 1e6 + ownDeadlineMs, common})
    try {
      return await work()
    } finally {
      report({kind: 'ended', id})
    }
  }
}

function send(thread: Thread, message: WatchdogMessage): void {
  thread.postMessage(message, [])
}
