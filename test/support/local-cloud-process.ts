import {type ChildProcess, spawn} from 'node:child_process'
import {once} from 'node:events'
import {join} from 'node:path'
import {NODE_FLAGS} from '../../src/tools/local-cloud-process.ts'

/** The local cloud as a process of its own. */
export interface LocalCloudProcess extends AsyncDisposable {
  readonly endpoint: string
  readonly pid: number
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
}

const MAIN = join(import.meta.dirname, '../../src/local-cloud/main.ts')

/**
 * Starts it on a state folder; disposing ends it by SIGTERM.
 * @param main what is run, its sources by default
 * @param projects that exist from the beginning; the default is that every project exists
 * @throws Error with what it said where it does not start
 */
export async function startLocalCloudProcess(
  stateFolder: string,
  main = MAIN,
  projects?: readonly string[],
): Promise<LocalCloudProcess> {
  const existing = projects === undefined ? [] : ['--projects', projects.join(',')]
  const child = spawn(process.execPath, [...NODE_FLAGS, main, '--state', stateFolder, ...existing], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let said = ''
  child.stderr?.on('data', (chunk) => (said += String(chunk)))
  const [message]: unknown[] = await Promise.race([once(child, 'message'), once(child, 'exit')])
  const endpoint = readyEndpoint(message)
  if (endpoint === undefined)
    throw new Error(`The local cloud did not start: ${JSON.stringify(message)}\n${said}`)
  return {
    endpoint,
    pid: child.pid ?? 0,
    kill: () => end(child, 'SIGKILL'),
    [Symbol.asyncDispose]: () => end(child, 'SIGTERM'),
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill(signal)
  await gone
}

function readyEndpoint(message: unknown): string | undefined {
  if (typeof message !== 'object' || message === null || !('ready' in message)) return undefined
  const {ready} = message
  if (typeof ready !== 'object' || ready === null || !('endpoint' in ready)) return undefined
  return typeof ready.endpoint === 'string' ? ready.endpoint : undefined
}
