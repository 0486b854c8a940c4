import type {protos} from '@google-cloud/run'
import {WORKER_ENVIRONMENT} from '../../worker/contract.ts'
import type {RevisionState, ServiceState} from '../core/ports/services.ts'
import {livenessPortOf} from './liveness.ts'

type Service = protos.google.cloud.run.v2.IService
type Revision = protos.google.cloud.run.v2.IRevision

export const LATEST = 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST'

/** Annotation of a service: its revisions that never had all the traffic, separated by spaces. */
export const TRIED_ANNOTATION = 'cloud-runner.dev/tried'

/** Converts a service of the Admin API to core's form. */
export function toState(name: string, service: Service): ServiceState {
  const terminal = service.terminalCondition
  const succeeded = terminal?.state === 'CONDITION_SUCCEEDED'
  const latestReady = shortName(service.latestReadyRevision)
  const latestCreated = shortName(service.latestCreatedRevision)
  const ready = succeeded && service.reconciling !== true && latestReady === latestCreated
  return {
    name,
    uri: service.uri ?? '',
    image: service.template?.containers?.[0]?.image ?? '',
    ready,
    reconciling: service.reconciling === true,
    latestReadyRevision: latestReady,
    latestCreatedRevision: latestCreated,
    problem: ready ? undefined : (nonEmpty(terminal?.message) ?? failureIn(service.conditions)),
    traffic: (service.trafficStatuses ?? []).map(({revision, percent, type, tag, uri}) => ({
      revision: shortName(revision) ?? latestReady ?? '',
      percent: percent ?? 0,
      latest: type === LATEST,
      tag: nonEmpty(tag),
      uri: nonEmpty(uri),
    })),
    model: nonEmpty(
      service.template?.containers?.[0]?.env?.find(
        ({name: variable}) => variable === WORKER_ENVIRONMENT.model,
      )?.value,
    ),
    livenessPort: livenessPortOf(service.template?.containers?.[0] ?? {}),
    tried: nonEmpty(service.annotations?.[TRIED_ANNOTATION])?.split(' ') ?? [],
  }
}

/** Converts a revision of the Admin API to core's form. */
export function toRevision(revision: Revision): RevisionState {
  const {name, containers, createTime, conditions, reconciling} = revision
  const ready = (conditions ?? []).find(({type}) => type === 'Ready')
  const isReady = ready?.state === 'CONDITION_SUCCEEDED'
  const seconds = Number(createTime?.seconds ?? 0)
  return {
    name: shortName(name) ?? '',
    image: containers?.[0]?.image ?? '',
    createdAt: new Date(seconds * 1000 + (createTime?.nanos ?? 0) / 1e6).toISOString(),
    ready: isReady,
    problem:
      isReady || reconciling === true ? undefined : (nonEmpty(ready?.message) ?? failureIn(conditions)),
  }
}

/** The last segment of a full name. */
export function shortName(full: string | null | undefined): string | undefined {
  return nonEmpty(full?.slice(full.lastIndexOf('/') + 1))
}

function failureIn(conditions: Service['conditions']): string | undefined {
  return nonEmpty((conditions ?? []).find(({state}) => state === 'CONDITION_FAILED')?.message)
}

function nonEmpty(text: string | null | undefined): string | undefined {
  return text === null || text === undefined || text === '' ? undefined : text
}
