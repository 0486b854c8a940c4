import {randomUUID} from 'node:crypto'
import {link, open, rm, writeFile} from 'node:fs/promises'
import {hostname} from 'node:os'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import type {Context} from './ports/context.ts'
import {AppError} from './errors.ts'
import {makeStateFolder} from './state-folder.ts'

/** What a lock file says of its holder. */
interface Holder {
  readonly command: string
  readonly pid: number
  readonly host: string
  /** RFC 3339. */
  readonly since: string
}

/** A lock file as it was found. */
interface Found {
  /** `undefined` where it cannot be read. */
  readonly holder: Holder | undefined
  /** Of no other lock, neither before it nor after it. */
  readonly identity: string
  readonly ageMs: number
}

/** So long another command may take before this one gives up. */
const PATIENCE_MS = 120_000
const LOOK_AGAIN_MS = 300
/** So long a lock may be without its content, and a takeover may take: both are a matter of milliseconds. */
const SETTLED_MS = 10_000

/**
 * Runs `work` while nobody else changes this folder's pipeline. Waits for another command and says for whom; a lock
 * of a process of this machine that is gone is taken over.
 * @throws AppError `locked` after two minutes; the signal's reason
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
    signal.throwIfAborted()
    const found = await look(file)
    const isStale = found !== undefined && (found.holder ? isGone(found.holder) : found.ageMs > SETTLED_MS)
    const isFree = found === undefined || (isStale && (await removeStale(file, found, mine)))
    if (performance.now() >= giveUpAt) throw locked(found?.holder, file)
    if (isFree) continue
    if (!isStale) step(`Waiting for ${describe(found.holder)}`)
    await sleep(LOOK_AGAIN_MS, undefined, {signal})
  }
  try {
    return await work()
  } finally {
    await rm(file, {force: true})
  }
}

/**
 * Removes the lock of a process that is gone. One at a time, by a guard that is for this very lock: whoever looked
 * before, and comes late, gets the guard too, finds another's lock in its place, and leaves that alone. A guard whose
 * maker is gone is removed in the same way.
 * @returns whether it is gone; false while another is at it
 */
async function removeStale(file: string, stale: Found, mine: Holder): Promise<boolean> {
  const guard = `${file}.${stale.identity}`
  if (!(await take(guard, mine))) {
    const other = await look(guard)
    if (other === undefined) return true
    const isLeft = other.ageMs > SETTLED_MS || (other.holder !== undefined && isGone(other.holder))
    return isLeft && removeStale(guard, other, mine)
  }
  try {
    const now = await look(file)
    if (now?.identity === stale.identity) await rm(file, {force: true})
    return true
  } finally {
    await rm(guard, {force: true})
  }
}

/** Makes the lock file where there is none: with all of its content at once, where the file system has hard links. */
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

/** @returns `undefined` where there is none */
async function look(file: string): Promise<Found | undefined> {
  try {
    await using handle = await open(file, 'r')
    const {ino, mtimeNs, mtimeMs} = await handle.stat({bigint: true})
    const holder = parseHolder(await handle.readFile('utf8'))
    return {holder, identity: `${ino}-${mtimeNs}`, ageMs: Date.now() - Number(mtimeMs)}
  } catch (error) {
    if (hasCode(error, ['ENOENT'])) return undefined
    throw error
  }
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
    return hasCode(error, ['ESRCH'])
  }
}

function describe(holder: Holder | undefined): string {
  if (holder === undefined) return 'a command whose lock cannot be read'
  const {command, pid, host, since} = holder
  return `cloud-runner ${command} (process ${pid}${host === hostname() ? '' : ` on ${host}`}, since ${since})`
}

function locked(holder: Holder | undefined, file: string): AppError {
  return new AppError(`The pipeline is being changed by ${describe(holder)}.`, {
    code: 'locked',
    suggestions: ['Wait until it is done, and try again.', `If that process is gone: rm ${file}`],
  })
}
