import type {Images} from '../../artifact-registry/images.ts'
import type {State} from '../../state/state.ts'
import {ApiError} from '../../wire/api-error.ts'
import type {Clock} from '../../wire/clock.ts'
import type {Addresses} from '../serving/addresses.ts'
import {decidedRevision, failed, isReady, succeeded} from './conditions.ts'
import {NotReadyError} from '../capacity/container.ts'
import {createServicePlanner, type Desired, type PlanService} from './plan-service.ts'
import {newEtag} from '../etag.ts'
import type {Fleet} from '../capacity/fleet.ts'
import {type Service, type ServiceStatus, shortName} from '../resources.ts'
import {type RunStore, serviceResource, type StoredRevision, type StoredService} from '../store.ts'
import {namedRevisions, trafficStatuses} from '../serving/traffic.ts'

export interface DeploymentDependencies {
  readonly state: State
  readonly clock: Clock
  readonly images: Pick<Images, 'resolve'>
  readonly store: RunStore
  readonly fleet: Fleet
  readonly addresses: Addresses
}

export interface Deployment {
  readonly plan: PlanService
  /** Writes the desired state, inside `State.write`. */
  store(desired: Desired): void
  /**
   * Brings a stored service to its desired state: the revision ready, then the traffic. One at a time per service.
   * @returns the service after that. @throws ApiError that says why the revision is not ready; traffic stays unchanged then
   */
  reconcile(name: string): Promise<Service>
}

/** Turns a service as its user wants it into serving revisions. */
export function createDeployment({
  state,
  clock,
  images,
  store,
  fleet,
  addresses,
}: DeploymentDependencies): Deployment {
  const inWork = new Map<string, Promise<unknown>>()
  const now = (): string => new Date(clock.now()).toISOString()

  const bringAbout = async (name: string): Promise<Service> => {
    const wanted = require(store, name)
    await addresses.open(name, '')
    const created = wanted.status.latestCreatedRevision
    const stored = created === undefined ? undefined : store.revision(created)
    let error: NotReadyError | undefined
    if (stored && !isReady(stored.revision)) {
      error = await whyNotReady(fleet, stored)
      // The service stays in reconciliation, and the next start resumes it.
      if (error && fleet.draining)
        throw new ApiError(
          'UNAVAILABLE',
          `The local cloud stopped before revision ${shortName(stored.revision.name)} was ready; the deployment resumes at the next start.`,
        )
      await state.record(() => {
        const revision = {
          ...stored.revision,
          reconciling: false,
          conditions: decidedRevision(now(), error),
          updateTime: now(),
          etag: newEtag(),
        }
        if (store.revision(revision.name)) store.putRevision({...stored, revision}, clock.now())
      })
      if (!store.revision(stored.revision.name)) await fleet.drop([stored.revision.name])
    }
    error ??= unreadyTarget(wanted)
    const tags = new Set((wanted.spec.traffic ?? []).flatMap(({tag = ''}) => (tag === '' ? [] : [tag])))
    for (const tag of tags) await addresses.open(name, tag)
    const service = await state.record(() => {
      const current = store.service(name)
      if (!current) throw new ApiError('ABORTED', `Service ${name} was deleted while it was being deployed.`)
      const status = decidedStatus(current, created, error)
      store.putService({...current, status}, clock.now())
      return serviceResource({...current, status})
    })
    fleet.serve(name, servingRevisions(name, service), service.scaling)
    if (error) throw deploymentError(shortName(created ?? name), error)
    await addresses.keepOnly(name, new Set(['', ...tags]))
    return service
  }

  const unreadyTarget = ({name, spec}: StoredService): NotReadyError | undefined => {
    for (const target of namedRevisions(spec.traffic ?? [])) {
      const stored = store.revision(`${name}/revisions/${target}`)
      if (stored && !isReady(stored.revision))
        return new NotReadyError(
          'ContainerHealthy',
          {reason: 'REVISION_FAILED'},
          `Traffic goes to revision '${target}', which is not ready.`,
        )
    }
    return undefined
  }

  const decidedStatus = (
    {name, spec, status}: StoredService,
    created: string | undefined,
    error: NotReadyError | undefined,
  ): ServiceStatus => {
    const time = now()
    const urls = addresses.urls(name)
    const [uri] = urls
    const address = uri === undefined ? {} : {uri, urls}
    // A newer change arrived meanwhile: its own reconciliation, next in line, decides.
    if (status.latestCreatedRevision !== created) return status
    if (error) {
      const message = notReadyText(shortName(created ?? name), error)
      return {
        ...status,
        ...address,
        terminalCondition: failed('Ready', time, message),
        conditions: [failed('RoutesReady', time, message), failed('ConfigurationsReady', time, message)],
        reconciling: false,
        etag: newEtag(),
      }
    }
    return {
      ...status,
      ...address,
      ...(status.generation === undefined ? {} : {observedGeneration: status.generation}),
      terminalCondition: succeeded('Ready', time),
      conditions: [succeeded('RoutesReady', time), succeeded('ConfigurationsReady', time)],
      ...(created === undefined ? {} : {latestReadyRevision: created}),
      trafficStatuses: trafficStatuses(spec.traffic ?? [], shortName(created ?? ''), (tag) =>
        addresses.uri(name, tag),
      ),
      reconciling: false,
      etag: newEtag(),
    }
  }

  return {
    plan: createServicePlanner({clock, images, store}),
    store({service, revision}) {
      store.putService(service, clock.now())
      if (revision) store.putRevision(revision, clock.now())
    },
    reconcile(name) {
      const before = inWork.get(name) ?? Promise.resolve()
      const work = before.then(
        () => bringAbout(name),
        () => bringAbout(name),
      )
      inWork.set(name, work)
      const done = (): void => {
        if (inWork.get(name) === work) inWork.delete(name)
      }
      work.then(done, done)
      return work
    },
  }
}

/** The revisions that requests may go to, by resource name, with their percentage of the traffic. */
export function servingRevisions(
  name: string,
  {trafficStatuses: statuses = []}: Pick<ServiceStatus, 'trafficStatuses'>,
): Map<string, number> {
  const percents = new Map<string, number>()
  for (const {revision = '', percent = 0, tag = ''} of statuses) {
    if (revision === '' || (percent === 0 && tag === '')) continue
    const full = `${name}/revisions/${revision}`
    percents.set(full, (percents.get(full) ?? 0) + percent)
  }
  return percents
}

async function whyNotReady(
  fleet: Pick<Fleet, 'prove'>,
  stored: StoredRevision,
): Promise<NotReadyError | undefined> {
  try {
    await fleet.prove(stored)
    return undefined
  } catch (error) {
    if (error instanceof NotReadyError) return error
    return new NotReadyError(
      'ContainerReady',
      {reason: 'INTERNAL'},
      error instanceof Error ? error.message : String(error),
    )
  }
}

function notReadyText(revision: string, {message}: NotReadyError): string {
  return `Revision '${revision}' is not ready and cannot serve traffic. ${message}`
}

function deploymentError(revision: string, error: NotReadyError): ApiError {
  const missing = 'reason' in error.reason && error.reason.reason === 'CONTAINER_MISSING'
  return new ApiError(missing ? 'NOT_FOUND' : 'FAILED_PRECONDITION', notReadyText(revision, error))
}

function require(store: RunStore, name: string): StoredService {
  const stored = store.service(name)
  if (!stored) throw new ApiError('NOT_FOUND', `Resource '${name}' was not found.`)
  return stored
}
