import type {protos, RevisionsClient, ServicesClient} from '@google-cloud/run'
import {AppError} from '../core/errors.ts'
import type {Services, TrafficTarget, WorkerImage} from '../core/ports/services.ts'
import type {ApiOff} from './api-off.ts'
import {grpcOptions, once, ONE_TRY, type Connection} from './connection.ts'
import {isNotFound, retried, toAppError} from './errors.ts'
import {withImage} from './image-digest.ts'
import {withLiveness} from './liveness.ts'
import {followed, untilAborted} from './operation.ts'
import {LATEST, shortName, toRevision, toState, TRIED_ANNOTATION} from './service-state.ts'
import {command, suggest} from '../core/suggestion.ts'

type Service = protos.google.cloud.run.v2.IService
type Target = protos.google.cloud.run.v2.ITrafficTarget

const REVISION = 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION'

/** Cloud Run through `@google-cloud/run`. If its API is disabled in the project, there is no service. */
export function createServices(
  connection: Connection,
  isOffHere: ApiOff,
): Services & {close(): Promise<void>} {
  const opened: (() => Promise<{close(): Promise<void>}>)[] = []
  const services = once(async (): Promise<ServicesClient> => {
    const {ServicesClient: Client} = await import('@google-cloud/run')
    const client = new Client(await grpcOptions(connection))
    opened.push(services)
    return client
  })
  const revisions = once(async (): Promise<RevisionsClient> => {
    const {RevisionsClient: Client} = await import('@google-cloud/run')
    const client = new Client(await grpcOptions(connection))
    opened.push(revisions)
    return client
  })
  const nameOf = (short: string) =>
    `projects/${connection.projectId}/locations/${connection.region}/services/${short}`

  async function read(short: string): Promise<Service | undefined> {
    const client = await services()
    try {
      const [service] = await retried(() => client.getService({name: nameOf(short)}, ONE_TRY))
      return service
    } catch (error) {
      if (isNotFound(error) || (await isOffHere(error))) return undefined
      throw toAppError(error, `Reading service ${short}`)
    }
  }

  async function readExisting(short: string): Promise<Service> {
    const service = await read(short)
    if (service !== undefined) return service
    throw new AppError(`Service ${short} does not exist.`, {
      code: 'not-set-up',
      suggestions: [suggest`Create the pipeline: ${command('setup')}`],
    })
  }

  /** Sends a change and follows the operation. A failed revision shows in the service's state and is not thrown. */
  async function update(service: Service, signal: AbortSignal): Promise<void> {
    const client = await services()
    signal.throwIfAborted()
    // Sends the etag that was read, so a change whose answer was lost is not applied twice.
    const [operation] = await untilAborted(
      signal,
      retried(() => client.updateService({service}, ONE_TRY), signal),
    )
    await followed(operation, signal)
  }

  return {
    async get(short) {
      const service = await read(short)
      return service === undefined ? undefined : toState(short, service)
    },

    async revisions(short) {
      const client = await revisions()
      try {
        const [all] = await retried(() => client.listRevisions({parent: nameOf(short)}, ONE_TRY))
        return all
          .map((revision) => toRevision(revision))
          .toSorted((one, other) => (one.createdAt < other.createdAt ? 1 : -1))
      } catch (error) {
        throw toAppError(error, `Listing the revisions of service ${short}`)
      }
    },

    async deploy(short, image, {hold, signal, step}) {
      const before = await readExisting(short)
      step(`Create a revision of ${short}`)
      let failure: unknown
      try {
        const next = withWorker(before, image, `${short}-again-${Date.now().toString(36)}`)
        await update(hold ? {...next, traffic: heldTraffic(before)} : next, signal)
      } catch (error) {
        signal.throwIfAborted()
        failure = error
      }
      const state = toState(short, await readExisting(short))
      if (failure !== undefined && state.ready) throw toAppError(failure, `Deploying service ${short}`)
      if (state.ready) return state
      const reason = failure === undefined ? 'it is not ready yet' : toAppError(failure, 'Cloud Run').message
      return {...state, problem: state.problem ?? reason}
    },

    async check(short, image) {
      const client = await services()
      const service = withWorker(await readExisting(short), image, '')
      await retried(() => client.updateService({service, validateOnly: true}, ONE_TRY)).catch(
        (error: unknown) => {
          throw toAppError(error, `Checking a deployment of service ${short}`)
        },
      )
    },

    async route(short, {traffic, tried}, {signal}) {
      const before = await readExisting(short)
      const {[TRIED_ANNOTATION]: _, ...others} = before.annotations ?? {}
      const annotations = tried.length === 0 ? others : {...others, [TRIED_ANNOTATION]: tried.join(' ')}
      try {
        await update({...before, annotations, traffic: traffic.map((target) => toTarget(target))}, signal)
      } catch (error) {
        signal.throwIfAborted()
        throw toAppError(error, `Moving the traffic of service ${short}`)
      }
      return toState(short, await readExisting(short))
    },

    async close() {
      await Promise.all(opened.map(async (client) => (await client()).close()))
    },
  }
}

/**
 * The service with another image.
 * @param retryName name of the revision if the image is the same, after one that failed: only a new name makes Cloud
 * Run try again
 */
function withWorker(service: Service, {image, livenessPort}: WorkerImage, retryName: string): Service {
  const {template} = service
  const [container = {}, ...others] = template?.containers ?? []
  const revision = container.image === image ? retryName : ''
  const next = withImage(withLiveness(container, livenessPort), image)
  return {...service, template: {...template, revision, containers: [next, ...others]}}
}

/** The current traffic, by names of revisions, so a new one gets none. */
function heldTraffic({trafficStatuses}: Service): Target[] {
  return (trafficStatuses ?? []).map(({revision, percent, tag}) => ({
    type: REVISION,
    revision: shortName(revision) ?? '',
    percent: percent ?? 0,
    tag: tag ?? '',
  }))
}

function toTarget({revision, percent, tag = ''}: TrafficTarget): Target {
  return revision === undefined ? {type: LATEST, percent, tag} : {type: REVISION, revision, percent, tag}
}
