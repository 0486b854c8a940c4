import {readFileSync} from 'node:fs'
import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {fieldsOf} from '../core/json.ts'
import {codeOf} from '../core/system-error.ts'
import type {LocalCloudStatus as Reported} from '../local-cloud/index.ts'

/** Address of a running local cloud. */
export type LocalCloudAddress = Pick<Reported, 'pid' | 'endpoint' | 'startedAt'>

type Denial = Required<Omit<Reported['denials'][number], 'principal'>> & {readonly principal: string}

/** What a running local cloud, perhaps of another version, reports about itself. */
export interface LocalCloudStatus extends Omit<
  Reported,
  'denials' | 'buckets' | 'iam' | 'others' | 'secrets' | 'softDeletedBuckets'
> {
  /** `enforce`, `audit` or `off`. */
  readonly iam: string
  /** `role` is empty if no role would have allowed the call. */
  readonly denials: readonly Denial[]
  /** Across all projects, as is the next one; `undefined` if it does not report them. */
  readonly buckets: number | undefined
  readonly others: number | undefined
  /** Empty if it does not report them, as are the next ones. */
  readonly secrets: readonly string[]
  readonly softDeletedBuckets: Reported['softDeletedBuckets']
}

/** How long to wait for an answer on the loopback interface. */
const ANSWER_MS = 3000

/** The address within an unknown value, such as a parsed `server.json` or a message of the process. */
export function addressIn(value: unknown): LocalCloudAddress | undefined {
  const {pid, endpoint, startedAt} = fieldsOf(value)
  if (typeof pid !== 'number' || typeof endpoint !== 'string' || typeof startedAt !== 'string')
    return undefined
  return {pid, endpoint, startedAt}
}

function outsideCallIn(value: unknown): Reported['outsideCalls'][number][] {
  const {time, host, method} = fieldsOf(value)
  if (typeof time !== 'string' || typeof host !== 'string' || typeof method !== 'string') return []
  return [{time, host, method}]
}

function denialIn(value: unknown): Denial[] {
  const {time, principal, permission, resource, role, count} = fieldsOf(value)
  if (
    typeof time !== 'string' ||
    typeof principal !== 'string' ||
    typeof permission !== 'string' ||
    typeof resource !== 'string'
  )
    return []
  return [
    {
      time,
      principal,
      permission,
      resource,
      role: typeof role === 'string' ? role : '',
      count: typeof count === 'number' ? count : 1,
    },
  ]
}

function instanceIn(value: unknown): Reported['instances'][number][] {
  const {pid, service, revision, port, startedAt, busy} = fieldsOf(value)
  if (typeof pid !== 'number' || typeof port !== 'number') return []
  const text = (field: unknown) => (typeof field === 'string' ? field : '')
  return [
    {
      pid,
      port,
      service: text(service),
      revision: text(revision),
      startedAt: text(startedAt),
      busy: typeof busy === 'number' ? busy : Number(busy === true),
    },
  ]
}

/** The address in `server.json`, which may be left over from a process that was killed. */
export async function recordedAddress(folder: string): Promise<LocalCloudAddress | undefined> {
  try {
    return addressIn(JSON.parse(await readFile(join(folder, 'server.json'), 'utf8')))
  } catch {
    return undefined
  }
}

/** Whether a process with this id is running; a zombie does not count. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
  return !isZombie(pid)
}

/** In a container whose init does not reap orphans, they stay zombies permanently; on Linux only. */
function isZombie(pid: number): boolean {
  if (process.platform !== 'linux') return false
  try {
    // https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: the state follows the name in parentheses.
    return /\) [ZX] [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch (error) {
    return codeOf(error) === 'ENOENT'
  }
}

/** Origin of the forward proxy of the local cloud at `endpoint`; `undefined` if none answers. */
export async function proxyOf(endpoint: string): Promise<string | undefined> {
  try {
    const response = await fetch(`${endpoint}/_local-cloud/status`, {signal: AbortSignal.timeout(ANSWER_MS)})
    const {proxy} = fieldsOf(await response.json())
    return typeof proxy === 'string' ? proxy : undefined
  } catch {
    return undefined
  }
}

/**
 * The local cloud running on this state folder, as it reports itself: a reused process id, or a port that serves
 * another folder, does not count.
 * @returns `undefined` if none is running
 */
export async function runningLocalCloud(folder: string): Promise<LocalCloudStatus | undefined> {
  const recorded = await recordedAddress(folder)
  if (!recorded || !isAlive(recorded.pid)) return undefined
  let answer: Readonly<Record<string, unknown>>
  try {
    const response = await fetch(`${recorded.endpoint}/_local-cloud/status`, {
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    answer = fieldsOf(await response.json())
  } catch {
    return undefined
  }
  const address = addressIn(answer)
  if (address?.pid !== recorded.pid || answer['stateFolder'] !== folder) return undefined
  const tls = fieldsOf(answer['tls'])
  return {
    ...address,
    endpoint: recorded.endpoint,
    version: typeof answer['version'] === 'string' ? answer['version'] : 'unknown',
    time: typeof answer['time'] === 'string' ? answer['time'] : new Date().toISOString(),
    stateFolder: folder,
    proxy: typeof answer['proxy'] === 'string' ? answer['proxy'] : '',
    iam: typeof answer['iam'] === 'string' ? answer['iam'] : 'enforce',
    denials: Array.isArray(answer['denials']) ? answer['denials'].flatMap(denialIn) : [],
    faults: typeof answer['faults'] === 'number' ? answer['faults'] : 0,
    tls: {
      endpoint: typeof tls['endpoint'] === 'string' ? tls['endpoint'] : '',
      certificate: typeof tls['certificate'] === 'string' ? tls['certificate'] : '',
    },
    outsideCalls: Array.isArray(answer['outsideCalls']) ? answer['outsideCalls'].flatMap(outsideCallIn) : [],
    buckets: typeof answer['buckets'] === 'number' ? answer['buckets'] : undefined,
    others: typeof answer['others'] === 'number' ? answer['others'] : undefined,
    secrets: Array.isArray(answer['secrets']) ? answer['secrets'].map(String) : [],
    softDeletedBuckets: Array.isArray(answer['softDeletedBuckets'])
      ? answer['softDeletedBuckets'].map((bucket: unknown) => {
          const {name, labels} = fieldsOf(bucket)
          return {name: String(name), labels: fieldsOf(labels)}
        })
      : [],
    instances: Array.isArray(answer['instances']) ? answer['instances'].flatMap(instanceIn) : [],
  }
}
