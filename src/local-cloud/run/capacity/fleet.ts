import {type Instance, InstanceError} from '../../instances/instance.ts'
import {exposedAddress} from '../../instances/exposure.ts'
import {watchLiveness} from '../../instances/liveness.ts'
import {waitUntilReady} from '../../instances/startup.ts'
import type {LogSink} from '../../logging/log-sink.ts'
import {ApiError} from '../../wire/api-error.ts'
import type {Clock} from '../../wire/clock.ts'
import {
  effectiveConcurrency,
  imageNotFound,
  livenessProbe,
  notListening,
  NotReadyError,
  revisionEnvironment,
  revisionResource,
  startupProbe,
} from './container.ts'
import type {Launcher} from './launcher.ts'
import {Pool, type Slot} from './pool.ts'
import {SecretAccessError} from './secret-variables.ts'
import {systemLogEntry} from '../platform-log.ts'
import {
  parseServiceName,
  type Revision,
  type ServiceName,
  type ServiceScaling,
  shortName,
} from '../resources.ts'
import {scaleOf} from './scaling.ts'
import type {RunStore, StoredRevision} from '../store.ts'

export interface FleetDependencies {
  readonly clock: Clock
  readonly log: LogSink
  readonly launcher: Launcher
  readonly store: RunStore
  /** After this time without a request an instance is stopped. */
  readonly idleMs: number
}

export interface ListedInstance {
  readonly pid: number
  /** Short names, as in `K_SERVICE` and `K_REVISION`. */
  readonly service: string
  readonly revision: string
  readonly port: number
  readonly startedAt: string
  /** Requests in progress. */
  readonly busy: number
}

export interface Fleet {
  /** Starts an instance of a new revision and waits until it is ready. @throws NotReadyError */
  prove(stored: StoredRevision): Promise<void>
  /** A slot for a request. @throws NoInstanceError */
  acquire(revision: string, signal: AbortSignal): Promise<Slot>
  /**
   * Retires the service's revisions without traffic once their requests have ended; keeps the minimum of the others.
   * @param percents of the traffic, by revision; 0 for one with only a tag
   */
  serve(service: string, percents: ReadonlyMap<string, number>, scaling: ServiceScaling | undefined): void
  /** Ends the instances of the revisions. */
  drop(revisions: readonly string[]): Promise<void>
  list(): ListedInstance[]
  /** Whether a debugger may pause any instance. */
  isDebugging(): boolean
  /** Ends all instances permanently. */
  drain(): Promise<void>
  /** Whether it is closing: failures from now on say nothing about the revision. */
  readonly draining: boolean
}

/** Between SIGTERM and SIGKILL (cloud.google.com/run/docs/container-contract#instance-shutdown). */
const GRACE_MS = 10_000
/** How many of the last lines of output a failure includes: Node's report of an error has up to eighteen, the error above its trace. */
const TOLD_LINES = 20

/** The instances of all revisions. Names are resource names. */
export function createFleet({clock, log, launcher, store, idleMs}: FleetDependencies): Fleet {
  const pools = new Map<string, Pool>()
  const draining = new AbortController()
  const proving = new Set<Promise<Instance>>()

  const pool = (stored: StoredRevision): Pool => {
    const {revision} = stored
    const existing = pools.get(revision.name)
    if (existing) return existing
    const created = new Pool({
      concurrency: effectiveConcurrency(revision),
      scale: scaleOf(revision, {}, 0),
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
    const instance = await failingAsNotReady(() =>
      launcher.launch({
        project: name.project,
        image,
        container,
        serviceAccount: revision.serviceAccount,
        env: revisionEnvironment(name, revision),
        listens: true,
        resource: revisionResource(name, shortName(revision.name)),
        labels: {},
        onLine(line) {
          lastLines.push(line)
          if (lastLines.length > TOLD_LINES) lastLines.shift()
        },
      }),
    )
    const stop = (): void => void instance.stop(GRACE_MS)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop)
    const result = await waitUntilReady(instance, startupProbe(container), clock)
    signal.removeEventListener('abort', stop)
    if (!result.ready) {
      await instance.stop(GRACE_MS)
      throw notListening(instance.port, result, lastLines)
    }
    observe(revision, name, instance)
    return instance
  }

  /** Ends an instance that fails its liveness probe, and warns about one that can be reached without the front end. */
  const observe = (revision: Revision, name: ServiceName, instance: Instance): void => {
    const note = (severity: string, text: string): void =>
      log.append([
        systemLogEntry({
          project: name.project,
          resource: revisionResource(name, shortName(revision.name)),
          labels: {instanceId: instance.id},
          severity,
          text,
          at: clock.now(),
        }),
      ])
    const probe = livenessProbe(revision.containers?.[0] ?? {})
    if (probe && instance.isDebugged !== true)
      void watchLiveness(instance, probe, clock, (what) => {
        note('ERROR', `Liveness probe: ${what}. The instance is shut down.`)
        void instance.stop(0)
      })
    const warnIfExposed = async (): Promise<void> => {
      const address = await exposedAddress(instance.port)
      if (address === undefined) return
      note(
        'WARNING',
        `Revision ${shortName(revision.name)} of service ${name.service} can be reached from other machines, at ${address}:${instance.port}, without the front end's checks. Listen on the address in HOST, and reject requests whose x-front-end-secret header is not FRONT_END_SECRET.`,
      )
    }
    void warnIfExposed()
  }

  return {
    async prove(stored) {
      const {image, revision} = stored
      if (!image) throw imageNotFound(revision.containers?.[0] ?? {})
      await failingAsNotReady(() => launcher.prepare(image))
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
    serve(service, percents, scaling) {
      for (const [name, percent] of percents) {
        const stored = store.revision(name)
        if (stored) pool(stored).serve(scaleOf(stored.revision, scaling, percent))
      }
      for (const [name, running] of pools)
        if (name.startsWith(`${service}/`) && !percents.has(name)) running.retire()
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
    isDebugging: () =>
      [...pools.values()].some((running) =>
        running.members().some(({instance}) => instance.isDebugged === true),
      ),
    get draining() {
      return draining.signal.aborted
    },
    async drain() {
      draining.abort()
      await Promise.allSettled([...proving, ...[...pools.values()].map((running) => running.close())])
    },
  }
}

async function failingAsNotReady<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (!(error instanceof InstanceError)) throw error
    const reason = error instanceof SecretAccessError ? 'SECRETS_ACCESS_CHECK_FAILED' : 'CONTAINER_MISSING'
    throw new NotReadyError('ContainerReady', {reason}, error.message)
  }
}

function requireName(revision: string): ServiceName {
  const name = parseServiceName(revision)
  if (!name) throw new Error(`"${revision}" is not the name of a revision.`)
  return name
}
