import {type ChildProcess, spawn} from 'node:child_process'
import {once} from 'node:events'
import {readFileSync, readdirSync} from 'node:fs'
import {setTimeout as delay} from 'node:timers/promises'
import {freePort, statusOf} from './measure.ts'

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
  /** Megabytes that its processes hold, now and at most; `undefined` where there is no /proc. */
  memory(): {nowMb: number; peakMb: number} | undefined
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
    memory: () => memoryOf(child),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

/** Of a process and all those that it started: pages that they share count for each. */
function memoryOf({pid}: ChildProcess): {nowMb: number; peakMb: number} | undefined {
  if (process.platform !== 'linux' || pid === undefined) return undefined
  let nowMb = 0
  let peakMb = 0
  for (const one of treeOf(pid)) {
    const status = readFileSync(`/proc/${one}/status`, 'latin1')
    nowMb += Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
    peakMb += Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
  }
  return {nowMb, peakMb}
}

function treeOf(root: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
    } catch {
      // It ended in the meantime.
    }
  }
  const tree = [root]
  for (const parent of tree) for (const [child, its] of parents) if (its === parent) tree.push(child)
  return tree
}
