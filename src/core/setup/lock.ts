import {randomUUID} from 'node:crypto'
import {link, readFile, rm, writeFile} from 'node:fs/promises'
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
    if (holder === 'none') continue
    if (holder === 'unreadable' || isGone(holder)) {
      await removeStale(file, holder, mine)
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
 * Removes the lock of a process that is gone. One at a time: whoever looked before may find another's lock in its place
 * by now, and leaves it alone.
 */
async function removeStale(file: string, stale: Holder | 'unreadable', mine: Holder): Promise<void> {
  const guard = `${file}.takeover`
  if (!(await take(guard, mine))) {
    const other = await readHolder(guard)
    if (typeof other === 'object' && isGone(other)) await rm(guard, {force: true})
    await sleep(LOOK_AGAIN_MS / 10)
    return
  }
  try {
    const now = await readHolder(file)
    if (isSame(now, stale)) await rm(file, {force: true})
  } finally {
    await rm(guard, {force: true})
  }
}

/** Makes the lock file where there is none, with all of its content. */
async function take(file: string, mine: Holder): Promise<boolean> {
  const written = `${file}.${randomUUID()}`
  const content = JSON.stringify(mine)
  try {
    await writeFile(written, content, {mode: 0o600, flag: 'wx'})
    await link(written, file).catch(async (error: unknown) => {
      if (!hasCode(error, NO_HARD_LINKS)) throw error
      await writeFile(file, content, {mode: 0o600, flag: 'wx'})
    })
    return true
  } catch (error) {
    if (hasCode(error, ['EEXIST'])) return false
    throw error
  } finally {
    await rm(written, {force: true})
  }
}

/** What file systems without hard links answer. */
const NO_HARD_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

function hasCode(error: unknown, codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

function isSame(one: Holder | 'none' | 'unreadable', other: Holder | 'unreadable'): boolean {
  if (typeof one === 'string' || typeof other === 'string') return one === other
  return one.pid === other.pid && one.since === other.since
}

/** Locks appear with all of their content: one that cannot be read is nobody's. */
async function readHolder(file: string): Promise<Holder | 'none' | 'unreadable'> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  return text === undefined ? 'none' : (parseHolder(text) ?? 'unreadable')
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
