import {spawn, type ChildProcess} from 'node:child_process'
import {mkdir, open, readFile, type FileHandle} from 'node:fs/promises'
import {dirname, extname, join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {fileURLToPath} from 'node:url'

import {AppError, type ErrorCode} from '../core/errors.ts'
import {makeRoom} from '../core/full-disk.ts'
import {fieldsOf} from '../core/json.ts'
import {holdingFile} from '../core/lock-file.ts'
import {shellPath} from '../core/shell.ts'
import {makeStateFolder} from '../core/state-folder.ts'
import {codeOf, isDiskFull} from '../core/system-error.ts'
import {
  addressIn,
  isAlive,
  recordedAddress,
  runningLocalCloud,
  type LocalCloudAddress,
} from './local-cloud-address.ts'
import {packageVersion} from './package-version.ts'
import {command, suggest} from '../core/suggestion.ts'

/** How long a local cloud may take to start: it may have a backlog to read. */
const READY_MS = 60_000

/** Its instances have ten seconds to stop; after this it is killed. */
const STOP_MS = 20_000

const POLL_MS = 25

/** Lines of its log that an error shows. */
const LOG_LINES = 8

export interface StartOptions {
  /** `.cloud-runner/local`, absolute. */
  readonly folder: string
  /** Port to listen on; absent: the one in the state, or a free one. */
  readonly port?: number | undefined
  /** `ADDRESS:PORT` beyond loopback; the token is in `LOCAL_CLOUD_TOKEN`. */
  readonly bind?: string | undefined
  readonly signal: AbortSignal
}

export interface StartedLocalCloud extends LocalCloudAddress {
  /** False if it was already running. */
  readonly started: boolean
}

/** `.cloud-runner/local/local-cloud.log` */
export function logFileOf(folder: string): string {
  return join(folder, 'local-cloud.log')
}

/**
 * Makes sure that a local cloud is running on the folder: uses the current one, else starts one that outlives this
 * process. Concurrent calls start only one; one from another version of this package is replaced.
 * @throws AppError `port-taken`, `state-version`, `disk-full`, `permission-denied`, `local-cloud-failed`
 */
export async function startLocalCloud(options: StartOptions): Promise<StartedLocalCloud> {
  const {folder, signal} = options
  const running = await runningLocalCloud(folder)
  if (running?.version === packageVersion) return accept(running, options)
  await prepareFolder(folder)
  const busy = () =>
    new AppError(`Another process has been starting the local cloud of ${folder} for ${READY_MS / 1000} s.`, {
      code: 'locked',
      suggestions: [`See its log: ${logFileOf(folder)}`],
    })
  return holdingFile(join(folder, 'start.lock'), {signal, timeoutMs: READY_MS, busy}, async () => {
    const meanwhile = await runningLocalCloud(folder)
    if (meanwhile?.version === packageVersion) return accept(meanwhile, options)
    // Another version: its state stays, and this version continues from it.
    if (meanwhile) await stopLocalCloud(folder)
    return {...(await launchWhenFree(options)), started: true}
  })
}

function accept(running: LocalCloudAddress, {port, bind}: StartOptions): StartedLocalCloud {
  if (bind !== undefined) {
    throw new AppError(
      `The local cloud is already running at ${running.endpoint}; --bind needs a new start.`,
      {
        code: 'conflict',
        suggestions: [suggest`${command('local stop')}`, suggest`${command('local start', '--bind', bind)}`],
      },
    )
  }
  if (port !== undefined && new URL(running.endpoint).port !== String(port)) {
    throw new AppError(`The local cloud is already running at ${running.endpoint}, not on port ${port}.`, {
      code: 'conflict',
      suggestions: [
        suggest`${command('local stop')}`,
        suggest`${command('local start', '--port', String(port))}`,
      ],
    })
  }
  const {pid, endpoint, startedAt} = running
  return {pid, endpoint, startedAt, started: false}
}

/** Creates the folder, private to its owner and ignored by git. */
async function prepareFolder(folder: string): Promise<void> {
  try {
    await makeStateFolder(dirname(folder))
    await mkdir(folder, {recursive: true, mode: 0o700})
  } catch (error) {
    throw folderError(folder, error)
  }
}

/** Launches it once the previous one, if it is still stopping, has released the state. */
async function launchWhenFree(options: StartOptions) {
  const since = performance.now()
  for (;;) {
    try {
      return await launch(options)
    } catch (error) {
      const isHeld = error instanceof AppError && error.code === 'locked'
      if (!isHeld || performance.now() - since > STOP_MS) throw error
      await delay(POLL_MS, undefined, {signal: options.signal})
    }
  }
}

/**
 * How Node runs it. The young generation may grow to 8 MB, twice: with 1 MB, half of what hundreds of messages under way
 * need would be copied at each collection; with 16 MB, it holds 70 MB more after a load.
 */
export const NODE_FLAGS = ['--max-semi-space-size=8']

async function launch({folder, port, bind, signal}: StartOptions): Promise<LocalCloudAddress> {
  const log = await openLog(folder)
  const logStart = (await log.stat()).size
  const main = fileURLToPath(new URL(`../local-cloud/main${extname(import.meta.url)}`, import.meta.url))
  const parameters = [
    '--state',
    folder,
    ...(port === undefined ? [] : ['--port', String(port)]),
    ...(bind === undefined ? [] : ['--bind', bind]),
  ]
  const child = spawn(process.execPath, [...NODE_FLAGS, main, ...parameters], {
    cwd: folder,
    detached: true,
    stdio: ['ignore', log.fd, log.fd, 'ipc'],
  })
  try {
    return await readiness(child, folder, logStart, signal)
  } finally {
    await log.close()
    if (child.connected) child.disconnect()
    child.unref()
  }
}

/** Settles with the first news from the process: that it is ready, why it failed, or that it ended. */
function readiness(child: ChildProcess, folder: string, logStart: number, signal: AbortSignal) {
  return new Promise<LocalCloudAddress>((resolve, reject) => {
    const late = () => {
      child.kill('SIGTERM')
      reject(startError(`The local cloud was not ready after ${READY_MS / 1000} s.`, folder))
    }
    const timer = setTimeout(late, READY_MS)
    const settle = (finish: () => void) => {
      clearTimeout(timer)
      child.removeAllListeners()
      signal.removeEventListener('abort', interrupted)
      finish()
    }
    // It keeps starting, and the next command finds it ready.
    const interrupted = () => settle(() => reject(signal.reason))
    signal.addEventListener('abort', interrupted)
    if (signal.aborted) interrupted()
    child.on('message', (message: unknown) => {
      const {ready, failed} = fieldsOf(message)
      const address = addressIn(ready)
      if (address) settle(() => resolve(address))
      else if (failed !== undefined) settle(() => reject(reportedError(failed, folder)))
    })
    child.on('error', (error) =>
      settle(() => reject(startError(`The local cloud failed to start: ${error.message}`, folder))),
    )
    child.on('exit', (code, ending) => {
      const how = ending ? `was ended by ${ending}` : `ended with exit code ${code ?? 1}`
      lastLines(folder, logStart).then(
        (lines) =>
          settle(() => reject(startError(`The local cloud ${how} before it was ready.${lines}`, folder))),
        reject,
      )
    })
  })
}

async function openLog(folder: string): Promise<FileHandle> {
  try {
    return await open(logFileOf(folder), 'a', 0o600)
  } catch (error) {
    throw folderError(folder, error)
  }
}

async function lastLines(folder: string, from: number): Promise<string> {
  const text = (await readFile(logFileOf(folder))).subarray(from).toString('utf8')
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return lines
    .slice(-LOG_LINES)
    .map((line) => `\n  ${line}`)
    .join('')
}

function startError(message: string, folder: string): AppError {
  return new AppError(message, {
    code: 'local-cloud-failed',
    suggestions: [`See its log: ${logFileOf(folder)}`],
  })
}

const REPORTED: readonly ErrorCode[] = [
  'usage',
  'port-taken',
  'state-version',
  'state-unreadable',
  'disk-full',
  'permission-denied',
  'locked',
]

/** A failure that the process reported, as an error of the command that started it. */
function reportedError(failed: unknown, folder: string): AppError {
  const {code, message, suggestions} = fieldsOf(failed)
  const known = REPORTED.find((candidate) => candidate === code)
  const steps: unknown[] = Array.isArray(suggestions) ? suggestions : []
  return new AppError(typeof message === 'string' ? message : 'The local cloud failed to start.', {
    code: known ?? 'local-cloud-failed',
    suggestions: known ? steps.map(String) : [...steps.map(String), `See its log: ${logFileOf(folder)}`],
  })
}

/** The error for a folder that cannot be created or written. */
function folderError(folder: string, error: unknown): AppError {
  const code = codeOf(error)
  const what = `The state folder ${folder} cannot be written`
  if (isDiskFull(error)) {
    return new AppError(`${what}: the disk is full.`, {
      code: 'disk-full',
      suggestions: makeRoom(dirname(dirname(folder))),
      cause: error,
    })
  }
  const why: Record<string, string> = {
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'the file system is read-only',
    ENOTDIR: 'a file is in the way',
    EEXIST: 'a file is in the way',
  }
  const reason = typeof code === 'string' ? (why[code] ?? code) : String(error)
  return new AppError(`${what}: ${reason}.`, {
    code: 'permission-denied',
    suggestions: [
      `Check its permissions: ls -ld ${shellPath(dirname(folder))}`,
      'Or work in one of your own folders.',
    ],
    cause: error,
  })
}

/**
 * Stops the local cloud of a folder and waits until its process is gone; its state stays.
 * @returns the process that was stopped; `undefined` if none was running
 */
export async function stopLocalCloud(folder: string): Promise<{pid: number; killed: boolean} | undefined> {
  const running = (await runningLocalCloud(folder)) ?? (await hangingLocalCloud(folder))
  if (!running) return undefined
  const {pid} = running
  signalProcess(pid, 'SIGTERM')
  const since = performance.now()
  let killed = false
  while (isAlive(pid)) {
    if (!killed && performance.now() - since > STOP_MS) {
      killed = true
      signalProcess(pid, 'SIGKILL')
    }
    await delay(POLL_MS)
  }
  return {pid, killed}
}

/** A local cloud that runs but does not answer, recognized by its command line; on Linux only. */
async function hangingLocalCloud(folder: string): Promise<LocalCloudAddress | undefined> {
  const recorded = await recordedAddress(folder)
  if (!recorded || !isAlive(recorded.pid)) return undefined
  const commandLine = await readFile(`/proc/${recorded.pid}/cmdline`, 'utf8').catch(() => '')
  const words = commandLine.split('\0')
  return words[words.indexOf('--state') + 1] === folder ? recorded : undefined
}

/** Ignores a process that has already ended. */
function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error
  }
}
