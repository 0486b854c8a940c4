import type {ServiceAgents} from '../iam/access.ts'
import {type Instance, InstanceError, type OutputStream, type Runtime} from '../instances/instance.ts'
import {DEFAULT_PROBE, type StartupProbe, type StartupResult, waitUntilReady} from '../instances/startup.ts'
import type {LogSink} from '../logging/log-sink.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Clock} from '../wire/clock.ts'
import {toLogEntry} from './container-log.ts'
import {Pool, type Slot} from './pool.ts'
import {
  type Container,
  parseServiceName,
  type Probe,
  type Revision,
  type ServiceName,
  shortName,
} from './resources.ts'
import type {RunStore, StoredRevision} from './store.ts'
import {cpus} from './validate.ts'

/** Endpoints of the local cloud at which a service account is the caller of every call. */
export interface Identity {
  open(serviceAccount: string): Promise<Endpoint>
}

interface Endpoint {
  readonly origin: string
  close(): Promise<void>
}

export interface FleetDependencies {
  readonly clock: Clock
  readonly log: LogSink
  readonly agents: Pick<ServiceAgents, 'projectNumber'>
  readonly identity: Identity
  readonly runtime: Runtime
  readonly store: RunStore
  /** After this time without a request an instance is stopped. */
  readonly idleMs: number
}

export interface ListedInstance {
  readonly pid: number
  /** Short names, as `K_SERVICE` and `K_REVISION` have them. */
  readonly service: string
  readonly revision: string
  readonly port: number
  readonly startedAt: string
  /** Requests in work. */
  readonly busy: number
}

/** Why a revision does not become ready, in words for the person who deploys it. */
export class NotReadyError extends Error {
  override readonly name = 'NotReadyError'
  readonly condition: 'ContainerReady' | 'ContainerHealthy'
  readonly reason: {reason: string} | {revisionReason: string}

  constructor(condition: NotReadyError['condition'], reason: NotReadyError['reason'], message: string) {
    super(message)
    this.condition = condition
    this.reason = reason
  }
}

export interface Fleet {
  /** Starts an instance of a new revision and waits until it is ready. @throws NotReadyError */
  prove(stored: StoredRevision): Promise<void>
  /** A place for a request. @throws NoInstanceError */
  acquire(revision: string, signal: AbortSignal): Promise<Slot>
  /** Lets the service's revisions that get no traffic end when their requests have; keeps the minimum of the others. */
  serve(service: string, revisions: ReadonlySet<string>): void
  /** Ends the instances of the revisions. */
  drop(revisions: readonly string[]): Promise<void>
  list(): ListedInstance[]
  drain(): Promise<void>
}

/** Cloud Run's limits and defaults (cloud.google.com/run/quotas, /about-concurrency, /container-contract). */
export const DEFAULT_CONCURRENCY = 80
const DEFAULT_MAX_INSTANCES = 100
const GRACE_MS = 10_000
/** How many of the last lines of output a failure tells. */
const TOLD_LINES = 10

/** The instances of all revisions. Names are resource names. */
export function createFleet({
  clock,
  log,
  agents,
  identity,
  runtime,
  store,
  idleMs,
}: FleetDependencies): Fleet {
  const pools = new Map<string, Pool>()
  const endpoints = new Map<string, Promise<Endpoint>>()
  const draining = new AbortController()
  const proving = new Set<Promise<Instance>>()

  const pool = (stored: StoredRevision): Pool => {
    const {revision} = stored
    const existing = pools.get(revision.name)
    if (existing) return existing
    const created = new Pool({
      settings: poolSettings(revision),
      start: (signal) => start(stored, signal),
      clock,
      idleMs,
      graceMs: GRACE_MS,
    })
    pools.set(revision.name, created)
    return created
  }
  const start = async ({revision, image}: StoredRevision, signal: AbortSignal): Promise<Instance> => {
    const container = revision.containers?.[0] ?? {}
    if (!image) throw imageNotFound(container)
    const name = requireName(revision.name)
    const lastLines: string[] = []
    let id = ''
    const output = (stream: OutputStream, line: string): void => {
      lastLines.push(line)
      if (lastLines.length > TOLD_LINES) lastLines.shift()
      log.append([
        toLogEntry(line, {
          logName: `projects/${name.project}/logs/run.googleapis.com%2F${stream}`,
          resource: revisionResource(name, shortName(revision.name)),
          labels: {instanceId: id},
          timestamp: new Date(clock.now()).toISOString(),
        }),
      ])
    }
    const account = revision.serviceAccount ?? defaultServiceAccount(agents, name.project)
    const endpoint = endpoints.get(account) ?? identity.open(account)
    endpoints.set(account, endpoint)
    const {origin} = await endpoint
    const instance = await failingAs('ContainerReady', {reason: 'CONTAINER_MISSING'}, () =>
      runtime.start({
        image,
        command: container.command ?? [],
        args: container.args ?? [],
        workingDir: container.workingDir,
        env: environment(name, revision, container, origin),
        listens: true,
        output,
      }),
    )
    id = instance.id
    const stop = (): void => void instance.stop(GRACE_MS)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop)
    const result = await waitUntilReady(instance, startupProbe(container.startupProbe), clock)
    signal.removeEventListener('abort', stop)
    if (result.ready) return instance
    await instance.stop(GRACE_MS)
    throw notListening(instance.port, result, lastLines)
  }

  return {
    async prove(stored) {
      const {image, revision} = stored
      if (!image) throw imageNotFound(revision.containers?.[0] ?? {})
      const refusal = runtime.refuses(image)
      if (refusal !== undefined)
        throw new NotReadyError('ContainerReady', {reason: 'CONTAINER_MISSING'}, refusal)
      await failingAs('ContainerReady', {reason: 'CONTAINER_MISSING'}, () => runtime.prepare(image))
      const started = start(stored, draining.signal)
      proving.add(started)
      try {
        pool(stored).add(await started)
      } finally {
        proving.delete(started)
      }
    },
    async acquire(name, signal) {
      const stored = store.revision(name)
      if (!stored) throw new ApiError('NOT_FOUND', `Revision ${name} does not exist.`)
      return pool(stored).acquire(signal)
    },
    serve(service, revisions) {
      for (const name of revisions) {
        const stored = store.revision(name)
        if (stored) pool(stored).retire(false)
      }
      for (const [name, running] of pools)
        if (name.startsWith(`${service}/`) && !revisions.has(name)) running.retire(true)
    },
    async drop(revisions) {
      await Promise.all(
        revisions.map(async (name) => {
          const running = pools.get(name)
          pools.delete(name)
          await running?.close()
        }),
      )
    },
    list: () =>
      [...pools].flatMap(([name, running]) =>
        running.members().map(({instance, startedAt, busy}) => ({
          pid: instance.pid,
          service: requireName(name).service,
          revision: shortName(name),
          port: instance.port,
          startedAt: new Date(startedAt).toISOString(),
          busy,
        })),
      ),
    async drain() {
      draining.abort()
      const opened = [...endpoints.values()]
      endpoints.clear()
      await Promise.allSettled([...proving, ...[...pools.values()].map((running) => running.close())])
      await Promise.all(opened.map(async (endpoint) => (await endpoint).close()))
    },
  }
}

/** The account of revisions that name none. */
export function defaultServiceAccount(agents: Pick<ServiceAgents, 'projectNumber'>, project: string): string {
  return `${agents.projectNumber(project)}-compute@developer.gserviceaccount.com`
}

/** The monitored resource of a revision's log entries. */
export function revisionResource(
  {project, location, service}: ServiceName,
  revision: string,
): {type: string; labels: Record<string, string>} {
  return {
    type: 'cloud_run_revision',
    labels: {
      project_id: project,
      service_name: service,
      revision_name: revision,
      location,
      configuration_name: service,
    },
  }
}

/** Requests an instance takes at a time: 80, and 1 where it has less than a CPU. */
export function effectiveConcurrency({
  maxInstanceRequestConcurrency = 0,
  containers = [],
}: Pick<Revision, 'maxInstanceRequestConcurrency' | 'containers'>): number {
  if (maxInstanceRequestConcurrency > 0) return maxInstanceRequestConcurrency
  return cpus(containers[0]?.resources?.limits?.['cpu'] ?? '1') < 1 ? 1 : DEFAULT_CONCURRENCY
}

function poolSettings(revision: Revision): {concurrency: number; minInstances: number; maxInstances: number} {
  const {minInstanceCount = 0, maxInstanceCount = 0} = revision.scaling ?? {}
  return {
    concurrency: effectiveConcurrency(revision),
    minInstances: minInstanceCount,
    maxInstances: maxInstanceCount > 0 ? maxInstanceCount : DEFAULT_MAX_INSTANCES,
  }
}

/**
 * The environment of an instance, in which Google's client libraries find the local cloud. Nothing of the local
 * cloud's own environment is in it.
 */
function environment(
  name: ServiceName,
  revision: Revision,
  container: Container,
  origin: string,
): Record<string, string> {
  return {
    GOOGLE_CLOUD_PROJECT: name.project,
    STORAGE_EMULATOR_HOST: origin,
    PUBSUB_EMULATOR_HOST: new URL(origin).host,
    CLOUD_RUNNER_ENDPOINT: origin,
    METADATA_SERVER_DETECTION: 'none',
    ...Object.fromEntries(
      (container.env ?? []).map(({name: variable = '', value = ''}) => [variable, value]),
    ),
    K_SERVICE: name.service,
    K_REVISION: shortName(revision.name),
    K_CONFIGURATION: name.service,
  }
}

/** A probe with what the user left out filled in as Cloud Run does. */
function startupProbe(probe: Probe | undefined): StartupProbe {
  if (!probe) return DEFAULT_PROBE
  return {
    initialDelaySeconds: probe.initialDelaySeconds ?? 0,
    timeoutSeconds: probe.timeoutSeconds || 1,
    periodSeconds: probe.periodSeconds || 10,
    failureThreshold: probe.failureThreshold || 3,
    httpGet: probe.httpGet && {
      path: probe.httpGet.path || '/',
      headers: Object.fromEntries(
        (probe.httpGet.httpHeaders ?? []).map(({name = '', value = ''}) => [name, value]),
      ),
    },
  }
}

function imageNotFound({image}: Container): NotReadyError {
  return new NotReadyError(
    'ContainerReady',
    {reason: 'CONTAINER_MISSING'},
    `Image '${image}' not found. Push it to the local registry first.`,
  )
}

function notListening(
  port: number,
  result: Extract<StartupResult, {ready: false}>,
  lastLines: readonly string[],
): NotReadyError {
  const what = {
    exited: `The container exited with ${result.detail} before it listened on PORT=${port}.`,
    timeout: `The user-provided container failed to start and listen on the port defined by the PORT=${port} environment variable within ${result.detail}. It must listen on the port that PORT names, on 0.0.0.0 or 127.0.0.1.`,
    unhealthy: `The container listens on PORT=${port}, but its startup probe failed: ${result.detail}.`,
  }[result.why]
  const output =
    lastLines.length > 0
      ? ` Its last output:\n${lastLines.map((line) => `  ${line}`).join('\n')}`
      : ' It wrote no output.'
  return new NotReadyError(
    'ContainerHealthy',
    {revisionReason: 'HEALTH_CHECK_CONTAINER_ERROR'},
    what + output,
  )
}

async function failingAs<T>(
  condition: NotReadyError['condition'],
  reason: NotReadyError['reason'],
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof InstanceError) throw new NotReadyError(condition, reason, error.message)
    throw error
  }
}

function requireName(revision: string): ServiceName {
  const name = parseServiceName(revision)
  if (!name) throw new Error(`"${revision}" is no revision's name.`)
  return name
}
