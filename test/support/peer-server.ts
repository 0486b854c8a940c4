import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {freePort} from '../../src/local-cloud/instances/free-port.ts'

/** A server of others as a process of its own; ended when it is disposed of, with everything that it started. */
export interface PeerServer extends AsyncDisposable {
  /** e.g. `http://127.0.0.1:8085` */
  readonly origin: string
  readonly pid: number
  /** Milliseconds from its start until it said that it serves. */
  readonly startMs: number
}

/** So long a server may take until it serves; some are started by Java. */
const START_MS = 60_000
/** The port was free when it was looked for: somebody may have taken it since. */
const STARTS = 3

/**
 * Starts a program on a free port.
 * @param command arguments with `$PORT` for the port
 * @param ready what it writes once it serves
 * @throws Error with what it wrote where it ends before that, three times, or does not serve after a minute
 */
export async function startPeerServer(
  command: readonly string[],
  ready: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<PeerServer> {
  for (let start = 1; ; start++) {
    try {
      return await startOnce(command, ready, environment)
    } catch (error) {
      if (!(error instanceof EndedError) || start === STARTS) throw error
    }
  }
}

/** The program ended before it served. */
class EndedError extends Error {}

async function startOnce(
  [program = '', ...args]: readonly string[],
  ready: string,
  environment: Readonly<Record<string, string>>,
): Promise<PeerServer> {
  const port = await freePort()
  const begin = performance.now()
  // Some are shell scripts around another program: the group is ended as a whole.
  const child = spawn(
    program,
    args.map((argument) => argument.replaceAll('$PORT', String(port))),
    {stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: {...process.env, ...environment}},
  )
  const closed = once(child, 'close')
  const end = (): void => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined)
      process.kill(-child.pid, 'SIGKILL')
  }
  let said = ''
  const {promise: serves, resolve, reject} = Promise.withResolvers<void>()
  const listen = (text: unknown): void => {
    said += String(text)
    if (!said.includes(ready)) return
    // What follows is read, so that it is not held up, and not kept.
    for (const output of [child.stdout, child.stderr]) output.removeAllListeners('data').resume()
    resolve()
  }
  child.stdout.on('data', listen)
  child.stderr.on('data', listen)
  child.once('error', reject)
  child.once('close', () => reject(new EndedError(`${program} did not start:\n${said}`)))
  const limit = setTimeout(() => {
    reject(new Error(`${program} does not serve after ${START_MS / 1000} s:\n${said}`))
    end()
  }, START_MS)
  try {
    await serves
  } finally {
    clearTimeout(limit)
  }
  return {
    origin: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    startMs: performance.now() - begin,
    async [Symbol.asyncDispose]() {
      end()
      await closed
    },
  }
}
