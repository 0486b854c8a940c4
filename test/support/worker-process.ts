import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {createInterface} from 'node:readline'

/** A worker as a process of its own, as a container runs it. */
export interface WorkerProcess extends AsyncDisposable {
  readonly pid: number | undefined
  /** Lines of its log so far. */
  readonly lines: readonly Record<string, unknown>[]
  readonly stderr: () => string
  /** The exit code, once all of its output is read. */
  readonly exited: Promise<number | null>
  kill(signal: NodeJS.Signals): void
  /** The first log line, past or to come, that `matches`. */
  line(matches: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>
}

/** Starts `node <file>`, or another program's (with its first arguments), with this environment and nothing else of ours. */
export function startWorkerProcess(
  file: string,
  environment: Record<string, string>,
  program: string | readonly string[] = process.execPath,
): WorkerProcess {
  const [command = '', ...args] = [program, file].flat()
  const child = spawn(command, args, {
    env: {PATH: process.env['PATH'], ...environment},
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'close').then(([code]: (number | null)[]) => code ?? null)
  const lines: Record<string, unknown>[] = []
  const waiting = new Set<() => void>()
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  createInterface({input: child.stdout}).on('line', (text) => {
    lines.push(lineOf(text))
    for (const look of waiting) look()
  })
  return {
    pid: child.pid,
    lines,
    stderr: () => stderr,
    exited,
    kill: (signal) => void child.kill(signal),
    line(matches) {
      const {promise, resolve, reject} = Promise.withResolvers<Record<string, unknown>>()
      const look = (): void => {
        const found = lines.find((line) => matches(line))
        if (found === undefined) return
        waiting.delete(look)
        resolve(found)
      }
      waiting.add(look)
      look()
      void exited.then((code) => reject(new Error(`the worker ended with ${code}: ${stderr}`)))
      return promise
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exited
    },
  }
}

/** A line that is not a log entry is kept as it is, so that a test's comparison shows it. */
function lineOf(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {noLine: text}
  }
}
