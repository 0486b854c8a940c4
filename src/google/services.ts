import type {protos, ServicesClient} from '@google-cloud/run'
import {AppError} from '../core/errors.ts'
import type {Services, ServiceState} from '../core/ports.ts'
import {grpcOptions, once, ONE_TRY, type Connection} from './connection.ts'
import {isNotFound, retried, toAppError} from './errors.ts'

type Service = protos.google.cloud.run.v2.IService

const LATEST = 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST'

/** Cloud Run by `@google-cloud/run`. */
export function createServices(connection: Connection): Services & {close(): Promise<void>} {
  let opened = false
  const services = once(async (): Promise<ServicesClient> => {
    const {ServicesClient: Client} = await import('@google-cloud/run')
    opened = true
    return new Client(await grpcOptions(connection))
  })
  const nameOf = (short: string) =>
    `projects/${connection.projectId}/locations/${connection.region}/services/${short}`

  async function read(short: string): Promise<Service | undefined> {
    const client = await services()
    try {
      const [service] = await retried(() => client.getService({name: nameOf(short)}, ONE_TRY))
      return service
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw toAppError(error, `Looking at service ${short}`)
    }
  }

  /** Sends a change and follows the operation. A failed revision is told by the service's state, not thrown. */
  async function update(service: Service, signal: AbortSignal): Promise<void> {
    const client = await services()
    signal.throwIfAborted()
    const [operation] = await client.updateService({service}, ONE_TRY)
    await untilAborted(signal, operation.promise())
  }

  return {
    async get(short) {
      const service = await read(short)
      return service === undefined ? undefined : toState(short, service)
    },

    async deploy(short, image, {signal, step}) {
      const before = await read(short)
      const template = before?.template
      const [container, ...others] = template?.containers ?? []
      if (before === undefined || !template || container === undefined) {
        throw new AppError(`There is no service ${short}.`, {
          code: 'not-set-up',
          suggestions: ['Make the pipeline: cloud-runner setup'],
        })
      }
      step(`New revision of ${short}`)
      // The same image again, after a revision that failed: only another name makes Cloud Run try once more.
      const revision = container.image === image ? `${short}-again-${Date.now().toString(36)}` : ''
      let failure: unknown
      try {
        await update(
          {...before, template: {...template, revision, containers: [{...container, image}, ...others]}},
          signal,
        )
      } catch (error) {
        signal.throwIfAborted()
        failure = error
      }
      const after = await read(short)
      if (after === undefined)
        throw toAppError(failure ?? new Error('it is gone'), `Deploying service ${short}`)
      const state = toState(short, after)
      if (failure !== undefined && state.ready) throw toAppError(failure, `Deploying service ${short}`)
      if (!state.ready) {
        const reason =
          failure === undefined ? 'it has not settled yet' : toAppError(failure, 'Cloud Run').message
        return {...state, problem: state.problem ?? reason}
      }
      if (isLatest(after)) return state
      // The traffic was pinned to a revision: it moves only now that the new one is known to be ready.
      step(`Traffic of ${short} to ${state.latestReadyRevision ?? 'the new revision'}`)
      await update({...after, traffic: [{type: LATEST, percent: 100}]}, signal).catch((error: unknown) => {
        throw toAppError(error, `Moving the traffic of service ${short}`)
      })
      const moved = await read(short)
      return moved === undefined ? state : toState(short, moved)
    },

    async close() {
      if (opened) await (await services()).close()
    },
  }
}

function isLatest({traffic}: Service): boolean {
  const targets = traffic ?? []
  return targets.length === 0 || (targets.length === 1 && targets[0]?.type === LATEST)
}

function toState(name: string, service: Service): ServiceState {
  const terminal = service.terminalCondition
  const succeeded = terminal?.state === 'CONDITION_SUCCEEDED'
  const latestReady = shortName(service.latestReadyRevision)
  const latestCreated = shortName(service.latestCreatedRevision)
  const ready = succeeded && service.reconciling !== true && latestReady === latestCreated
  const failed = (service.conditions ?? []).find(({state}) => state === 'CONDITION_FAILED')
  return {
    name,
    uri: service.uri ?? '',
    image: service.template?.containers?.[0]?.image ?? '',
    ready,
    reconciling: service.reconciling === true,
    latestReadyRevision: latestReady,
    latestCreatedRevision: latestCreated,
    problem: ready ? undefined : (nonEmpty(terminal?.message) ?? nonEmpty(failed?.message)),
    traffic: (service.trafficStatuses ?? []).map(({revision, percent, type}) => ({
      revision: shortName(revision) ?? latestReady ?? '',
      percent: percent ?? 0,
      latest: type === LATEST,
    })),
  }
}

function shortName(full: string | null | undefined): string | undefined {
  return nonEmpty(full?.slice(full.lastIndexOf('/') + 1))
}

function nonEmpty(text: string | null | undefined): string | undefined {
  return text === null || text === undefined || text === '' ? undefined : text
}

/** `work`, or the signal's reason as soon as it aborts; the operation then goes on without us. */
async function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const {promise, reject} = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort, {once: true})
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
