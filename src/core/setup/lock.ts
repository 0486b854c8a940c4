import {randomUUID} from 'node:crypto'
import {link, open, readFile, rename, rm} from 'node:fs/promises'
import {hostname} from 'node:os'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import type {Context} from '../context.ts'
import {AppError} from '../errors.ts'
import {makeStateFolder} from '../state-folder.ts'

/** What a lock file says of its holder. */
interface Holder {
  readonly command: string
  readonly pid: number
  readonly host: string
  /** RFC 3339. */
  readonly since: string
}

/** So long another command may take before this one gives up. */
const PATIENCE_MS = 120_000
const LOOK_AGAIN_MS = 300

/**
 * Runs `work` while nobody else changes this folder's pipeline. Waits for another command and says for whom; a lock
 * of a process of this machine that is gone is taken over.
 * @throws AppError `locked` after two minutes
 */
export async function withLock<T>(
  command: string,
  {stateFolder, signal, step, pipeline}: Pick<Context, 'stateFolder' | 'signal' | 'step' | 'pipeline'>,
  work: () => Promise<T>,
  patienceMs: number = PATIENCE_MS,
): Promise<T> {
  const {target, project, name} = pipeline.settings
  const file = join(stateFolder, `${target}-${project}-${name}.lock`)
  await makeStateFolder(stateFolder)
  const mine: Holder = {command, pid: process.pid, host: hostname(), since: new Date().toISOString()}
  const giveUpAt = performance.now() + patienceMs
  while (!(await take(file, mine))) {
    const holder = await readHolder(file)
    if (holder === undefined || isGone(holder)) {
      await removeStale(file, holder)
      continue
    }
    if (performance.now() >= giveUpAt) throw locked(holder, file)
    step(`Waiting for ${describe(holder)}`)
    await sleep(LOOK_AGAIN_MS, undefined, {signal})
  }
  try {
    return await work()
  } finally {
    await rm(file, {force: true})
  }
}

/**
 * Removes the lock of a process that is gone, and only that one: somebody else may have taken it over since it was
 * read, so it is set aside first, and put back where it turns out to be another's.
 */
async function removeStale(file: string, stale: Holder | undefined): Promise<void> {
  const aside = `${file}.${randomUUID()}`
  try {
    await rename(file, aside)
    const holder = await readHolder(aside)
    if (holder !== undefined && holder.pid !== stale?.pid) await link(aside, file)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EEXIST')))
      throw error
  } finally {
    await rm(aside, {force: true})
  }
}

/** Makes the lock file where there is none, all of its content at once. */
async function take(file: string, mine: Holder): Promise<boolean> {
  try {
    await using handle = await open(file, 'wx', 0o600)
    await handle.writeFile(JSON.stringify(mine))
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

/** `undefined` where the lock is gone, or nobody can tell whose it was. */
async function readHolder(file: string): Promise<Holder | undefined> {
  // Between making the file and writing to it there is an instant in which it is empty.
  for (let look = 0; look < 5; look++) {
    const text = await readFile(file, 'utf8').catch(() => undefined)
    if (text === undefined) return undefined
    const holder = parseHolder(text)
    if (holder !== undefined) return holder
    await sleep(20)
  }
  return undefined
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return undefined
    const {command, pid, host, since} = {
      command: undefined,
      pid: undefined,
      host: undefined,
      since: undefined,
      ...value,
    }
    return typeof command === 'string' &&
      typeof pid === 'number' &&
      typeof host === 'string' &&
      typeof since === 'string'
      ? {command, pid, host, since}
      : undefined
  } catch {
    return undefined
  }
}

/** Whether the holder is a process of this machine that no longer runs. */
function isGone({pid, host}: Holder): boolean {
  if (host !== hostname()) return false
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH'
  }
}

function describe({command, pid, host, since}: Holder): string {
  return `cloud-runner ${command} (process ${pid}${host === hostname() ? '' : ` on ${host}`}, since ${since})`
}

function locked(holder: Holder, file: string): AppError {
  return new AppError(`The pipeline is being changed by ${describe(holder)}.`, {
    code: 'locked',
    suggestions: ['Wait until it is done, and try again.', `If that process is gone: rm ${file}`],
  })
}
