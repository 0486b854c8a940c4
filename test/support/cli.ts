import {type ChildProcess, spawn} from 'node:child_process'
import {once} from 'node:events'
import {existsSync} from 'node:fs'
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {killProcess} from './kill.ts'
import {checkedJson} from './published-schemas.ts'

/** The built command line, as it is published. */
export const BIN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))

/** Nothing that a test starts may take longer. */
const LIMIT_MS = 120_000

export interface Ended {
  readonly exitCode: number | undefined
  readonly signal: string | undefined
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly stdin?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Another bin/run.js than the built one. */
  readonly bin?: string
}

/** A command that still runs. */
export interface Running {
  readonly pid: number
  kill(signal: NodeJS.Signals): void
  /** Settles when standard error, or standard output, has shown the text. */
  shows(text: string | RegExp): Promise<void>
  readonly ended: Promise<Ended>
}

/**
 * The command line as processes of their own, in a temporary folder that holds nothing. Disposing of it ends the
 * folder's local cloud and removes the folder.
 */
export class Cli implements AsyncDisposable {
  /** Absolute: the current folder of the commands. */
  readonly folder: string
  readonly #running = new Set<Running>()

  private constructor(folder: string) {
    this.folder = folder
  }

  static async create(): Promise<Cli> {
    if (!existsSync(new URL('../../dist/src/cli/main.js', import.meta.url))) {
      throw new Error('These tests run the built command line: npm run build')
    }
    return new Cli(await mkdtemp(join(tmpdir(), 'cloud-runner-e2e-')))
  }

  /** Runs a command to its end. */
  run(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    return this.start(args, options).ended
  }

  /** Runs a command that must succeed. @returns its standard output */
  async text(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const {exitCode, stdout, stderr} = await this.run(args, options)
    if (exitCode !== 0) throw new Error(`${args.join(' ')} ended with ${exitCode}:\n${stdout}\n${stderr}`)
    return stdout
  }

  /** Runs a command that must succeed. @returns its JSON */
  async json(args: readonly string[], options: RunOptions = {}): Promise<Record<string, unknown>> {
    return parseObject(await this.text([...args, '--json'], options))
  }

  start(
    args: readonly string[],
    {stdin, environment = {}, cwd = this.folder, bin = BIN}: RunOptions = {},
  ): Running {
    const child = spawn(process.execPath, [bin, ...args], {
      cwd,
      env: {PATH: process.env['PATH'] ?? '', HOME: this.folder, TZ: 'UTC', ...environment},
      stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    })
    child.stdin?.end(stdin)
    const running: Running = {
      pid: child.pid ?? 0,
      kill: (signal) => void child.kill(signal),
      ended: end(child)
        .finally(() => this.#running.delete(running))
        .then((ended) => checkedJson(args, ended)),
      shows: (text) => shown(child, text),
    }
    this.#running.add(running)
    return running
  }

  /** Process id of the folder's local cloud. */
  async localCloudPid(): Promise<number | undefined> {
    const file = join(this.folder, '.cloud-runner', 'local', 'server.json')
    const text = await readFile(file, 'utf8').catch(() => '{}')
    const {pid} = parseObject(text)
    return typeof pid === 'number' ? pid : undefined
  }

  async write(name: string, content: string | Uint8Array): Promise<string> {
    const file = join(this.folder, name)
    await writeFile(file, content)
    return file
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#running) child.kill('SIGKILL')
    await Promise.all([...this.#running].map(({ended}) => ended))
    await this.run(['local', 'stop'])
    const pid = await this.localCloudPid()
    if (pid !== undefined) killGently(pid)
    await rm(this.folder, {recursive: true, force: true, maxRetries: 5})
  }
}

function killGently(pid: number): void {
  try {
    killProcess(pid)
  } catch {
    // It is gone already.
  }
}

async function end(child: ChildProcess): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  await once(child, 'close')
  return {exitCode: child.exitCode ?? undefined, signal: child.signalCode ?? undefined, stdout, stderr}
}

function shown(child: ChildProcess, text: string | RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let seen = ''
    const look = (chunk: string) => {
      seen += chunk
      if (typeof text === 'string' ? seen.includes(text) : text.test(seen)) resolve()
    }
    child.stdout?.on('data', look)
    child.stderr?.on('data', look)
    child.on('close', () => reject(new Error(`It ended without showing ${String(text)}:\n${seen}`)))
  })
}

/** The fields of a JSON object. */
export function parseObject(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null) throw new Error(`No JSON object: ${text}`)
  return {...value}
}
