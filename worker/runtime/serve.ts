import {url as inspectorUrl} from 'node:inspector'
import type {Processor} from '../processor.ts'
import {logConsole} from './console.ts'
import {createLog, errorFields, type Log} from './log.ts'
import {createPace} from './pace.ts'
import {startServer} from './server.ts'
import {readSettings, SettingsError, type Environment} from './settings.ts'
import {openStorage} from './storage/index.ts'
import {runTask} from './task.ts'
import {createWatchdog} from './watchdog.ts'
import {Interrupted, type Worker} from './worker.ts'

/** Cloud Run kills a container ten seconds after SIGTERM (cloud.google.com/run/docs/container-contract). */
const CLOUD_RUN_GRACE_MS = 10_000

/** Part of the grace period reserved for ending the process. */
const EXIT_MS = 500

/**
 * Runs `processor` as a worker: an HTTP server on `PORT` that turns each notified file into a result; in a Cloud Run
 * job, it processes the one file that a server handed over. It owns the process: on SIGTERM or SIGINT it finishes or
 * refuses deliveries in progress and exits with 0; invalid settings or a port in use are logged and exit with 1.
 * @param environment OUTPUT_BUCKET (required), INPUT_BUCKET, PORT, HOST, FRONT_END_SECRET, HEALTH_PORT,
 * DEADLINE_SECONDS, AFTERWARDS, JOB, JOB_THRESHOLD, JOB_TASKS, and the processor's own settings
 */
export function serve(processor: Processor, environment: Environment = process.env): void {
  void run(processor, environment, CLOUD_RUN_GRACE_MS)
}

/** `serve` with another grace period between signal and exit. Never rejects. */
export async function run(processor: Processor, environment: Environment, graceMs: number): Promise<void> {
  const log = createLog((line) => process.stdout.write(`${line}\n`))
  logConsole(log)
  process.on('uncaughtExceptionMonitor', (error) => {
    log('CRITICAL', `the worker crashed: ${error.message}`, errorFields(error))
  })
  // Node prints warnings as plain text over several lines; here each becomes one log line.
  process.removeAllListeners('warning')
  process.on('warning', ({name, message}) => log('WARNING', `${name}: ${message}`))
  try {
    await start(processor, environment, log, graceMs)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    log('CRITICAL', message, error instanceof SettingsError ? {} : errorFields(error))
    process.exitCode = 1
  }
}

async function start(
  processor: Processor,
  environment: Environment,
  log: Log,
  graceMs: number,
): Promise<void> {
  const read = readSettings(environment)
  // A breakpoint may hold it for any time: neither a deadline nor the watchdog may end the process.
  const settings = inspectorUrl() === undefined ? read : {...read, ownDeadlineMs: undefined}
  const worker: Worker = {
    processor,
    settings,
    environment,
    storage: openStorage(environment),
    log,
    pace: createPace(),
    watch: createWatchdog(settings, log),
  }
  if (environment['CLOUD_RUN_JOB'] !== undefined) {
    // Exits explicitly: a process that ignores its signal would keep running.
    process.exit(await runTask(worker, abortedBySignals()))
  }
  const server = await startServer(worker)
  log('INFO', `${processor.name} is listening on port ${server.port}`, {port: server.port})

  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    log('INFO', `${signal}: accepting no more files, finishing those in progress`)
    await server.stop(graceMs - EXIT_MS)
    log('INFO', 'stopped')
    process.exit(0)
  }
  process.once('SIGTERM', (signal) => void stop(signal))
  process.once('SIGINT', (signal) => void stop(signal))
}

/** Aborts when Cloud Run ends the container: the task's attempt is over. */
function abortedBySignals(): AbortSignal {
  const shutdown = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const)
    process.once(name, () => shutdown.abort(new Interrupted(`${name}: the container is being shut down`)))
  return shutdown.signal
}
