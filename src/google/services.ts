import type {protos, ServicesClient} from '@google-cloud/run'
import {AppError} from '../core/errors.ts'
import type {ServiceState, Services, TrafficTarget, WorkerImage} from '../core/ports/services.ts'
import type {ApiOff} from './api-off.ts'
import {grpcOptions, once, ONE_TRY, type Connection} from './connection.ts'
import {isNotFound, retried, toAppError} from './errors.ts'
import {withImage} from './image-digest.ts'
import {withLiveness} from './liveness.ts'
import {followed, untilAborted} from './operation.ts'
import {readPages, type Rest} from './rest.ts'
import {LATEST, shortName, toRevision, toState, TRIED_ANNOTATION} from './service-state.ts'
import {command, suggest} from '../core/suggestion.ts'

type Service = protos.google.cloud.run.v2.IService
type Target = protos.google.cloud.run.v2.ITrafficTarget

const REVISION = 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION'

/**
 * Cloud Run: read over REST, since loading `@google-cloud/run` takes longer and more memory than most commands, and
 * changed through it. If the API is disabled in the project, there is no service.
 */
export function createServices(
  connection: Connection,
  rest: Rest,
  isOffHere: ApiOff,
): Services & {close(): Promise<void>} {
  let opened = false
  const services = once(async (): Promise<ServicesClient> => {
    const {ServicesClient: Client} = await import('@google-cloud/run')
    const client = new Client(await grpcOptions(connection))
    opened = true
    return client
  })
  const nameOf = (short: string) =>
    `projects/${connection.projectId}/locations/${connection.region}/services/${short}`

  async function read(short: string): Promise<ServiceState | undefined> {
    try {
      const service = await rest.get('run', `/v2/${nameOf(short)}`, `Reading service ${short}`)
      return service && toState(short, service)
    } catch (error) {
      if (await isOffHere(error)) return undefined
      throw error
    }
  }

  async function readExisting(short: string): Promise<ServiceState> {
    const state = await read(short)
    if (state === undefined) throw missing(short)
    return state
  }

  /** In the form in which it is changed. */
  async function readWhole(short: string): Promise<Service> {
    const client = await services()
    try {
      const [service] = await retried(() => client.getService({name: nameOf(short)}, ONE_TRY))
      return service
    } catch (error) {
      if (isNotFound(error) || (await isOffHere(error))) throw missing(short)
      throw toAppError(error, `Reading service ${short}`)
    }
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
    get: read,

    async revisions(short) {
      const path = `/v2/${nameOf(short)}/revisions`
      const all = await readPages(rest, 'run', path, 'revisions', `Listing the revisions of service ${short}`)
      return all
        .map((revision) => toRevision(revision))
        .toSorted((one, other) => Date.parse(other.createdAt) - Date.parse(one.createdAt))
    },

    async deploy(short, image, {hold, signal, step}) {
      const before = await readWhole(short)
      step(`Create a revision of ${short}`)
      let failure: unknown
      try {
        const next = withWorker(before, image, `${short}-again-${Date.now().toString(36)}`)
        await update(hold ? {...next, traffic: heldTraffic(before)} : next, signal)
      } catch (error) {
        signal.throwIfAborted()
        failure = error
      }
      const state = await readExisting(short)
      if (failure !== undefined && state.ready) throw toAppError(failure, `Deploying service ${short}`)
      if (state.ready) return state
      const reason = failure === undefined ? 'it is not ready yet' : toAppError(failure, 'Cloud Run').message
      return {...state, problem: state.problem ?? reason}
    },

    async check(short, image) {
      const client = await services()
      const service = withWorker(await readWhole(short), image, '')
      await retried(() => client.updateService({service, validateOnly: true}, ONE_TRY)).catch(
        (error: unknown) => {
          throw toAppError(error, `Checking a deployment of service ${short}`)
        },
      )
    },

    async route(short, {traffic, tried}, {signal}) {
      const before = await readWhole(short)
      const {[TRIED_ANNOTATION]: _, ...others} = before.annotations ?? {}
      const annotations = tried.length === 0 ? others : {...others, [TRIED_ANNOTATION]: tried.join(' ')}
      try {
        await update({...before, annotations, traffic: traffic.map((target) => toTarget(target))}, signal)
      } catch (error) {
        signal.throwIfAborted()
        throw toAppError(error, `Moving the traffic of service ${short}`)
      }
      return readExisting(short)
    },

    async close() {
      if (opened) await (await services()).close()
    },
  }
}

function missing(short: string): AppError {
  return new AppError(`Service ${short} does not exist.`, {
    code: 'not-set-up',
    suggestions: [suggest`Create the pipeline: ${command('setup')}`],
  })
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
