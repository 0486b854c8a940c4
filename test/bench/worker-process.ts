import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {setTimeout as delay} from 'node:timers/promises'
import {freePort} from '../../src/local-cloud/instances/free-port.ts'
import {statusOf} from './measure.ts'
import {cpuSecondsOf, memoryOf, type ProcessMemory} from './process-usage.ts'

/** How to start a worker that keeps the HTTP contract. */
export interface WorkerCommand {
  /** Arguments with `$PORT` for the port. */
  readonly command: readonly [string, ...string[]]
  readonly folder: string
  readonly environment: Record<string, string>
}

/** A worker that answers. */
export interface RunningWorker extends AsyncDisposable {
  readonly port: number
  /** Milliseconds from its start to its first answer. */
  readonly startMs: number
  /** Of its processes; `undefined` without /proc. */
  memory(): ProcessMemory | undefined
  /** CPU seconds so far; `undefined` without /proc. */
  cpuSeconds(): number | undefined
}

/** Starts a worker as a process of its own and waits for its first 200. */
export async function startWorker({command, folder, environment}: WorkerCommand): Promise<RunningWorker> {
  const port = await freePort()
  const [program, ...args] = command.map((part) => part.replaceAll('$PORT', String(port)))
  const begin = performance.now()
  const child = spawn(program ?? '', args, {
    cwd: folder,
    env: {PATH: process.env['PATH'], PORT: String(port), ...environment},
    stdio: 'ignore',
  })
  const exited = once(child, 'exit')
  while ((await statusOf(port, '/healthz')) !== 200) {
    if (child.exitCode !== null) throw new Error(`${command.join(' ')} exited with ${child.exitCode}.`)
    await delay(1)
  }
  return {
    port,
    startMs: performance.now() - begin,
    memory: () => memoryOf(child.pid),
    cpuSeconds: () => (child.pid === undefined ? undefined : cpuSecondsOf(child.pid)),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await exited
    },
  }
}
