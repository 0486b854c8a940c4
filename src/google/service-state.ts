import {WORKER_ENVIRONMENT} from '../../worker/contract.ts'
import {fieldsOf} from '../core/json.ts'
import type {RevisionState, ServiceState} from '../core/ports/services.ts'
import {livenessPortOf} from './liveness.ts'
import {objectsIn, textIn, type Json} from './rest.ts'

export const LATEST = 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST'

/** Annotation of a service: its revisions that never had all the traffic, separated by spaces. */
export const TRIED_ANNOTATION = 'cloud-runner.dev/tried'

/**
 * Converts a service of the Admin API to core's form.
 * https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services#Service
 */
export function toState(name: string, service: Json): ServiceState {
  const terminal = fieldsOf(service['terminalCondition'])
  const reconciling = service['reconciling'] === true
  const [container = {}] = objectsIn(fieldsOf(service['template']), 'containers')
  const latestReady = shortName(textIn(service, 'latestReadyRevision'))
  const latestCreated = shortName(textIn(service, 'latestCreatedRevision'))
  const ready = terminal['state'] === SUCCEEDED && !reconciling && latestReady === latestCreated
  return {
    name,
    uri: textIn(service, 'uri') ?? '',
    image: textIn(container, 'image') ?? '',
    ready,
    reconciling,
    latestReadyRevision: latestReady,
    latestCreatedRevision: latestCreated,
    problem: ready ? undefined : (nonEmpty(textIn(terminal, 'message')) ?? failureIn(service)),
    traffic: objectsIn(service, 'trafficStatuses').map((status) => ({
      revision: shortName(textIn(status, 'revision')) ?? latestReady ?? '',
      percent: Number(status['percent'] ?? 0),
      latest: status['type'] === LATEST,
      tag: nonEmpty(textIn(status, 'tag')),
      uri: nonEmpty(textIn(status, 'uri')),
    })),
    model: nonEmpty(
      textIn(
        objectsIn(container, 'env').find((variable) => variable['name'] === WORKER_ENVIRONMENT.model),
        'value',
      ),
    ),
    livenessPort: livenessPortOf(container),
    tried: nonEmpty(textIn(fieldsOf(service['annotations']), TRIED_ANNOTATION))?.split(' ') ?? [],
  }
}

/**
 * Converts a revision of the Admin API to core's form.
 * https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services.revisions#Revision
 */
export function toRevision(revision: Json): RevisionState {
  const ready = objectsIn(revision, 'conditions').find((condition) => condition['type'] === 'Ready')
  const isReady = ready?.['state'] === SUCCEEDED
  return {
    name: shortName(textIn(revision, 'name')) ?? '',
    image: textIn(objectsIn(revision, 'containers')[0], 'image') ?? '',
    createdAt: new Date(textIn(revision, 'createTime') ?? 0).toISOString(),
    ready: isReady,
    problem:
      isReady || revision['reconciling'] === true
        ? undefined
        : (nonEmpty(textIn(ready, 'message')) ?? failureIn(revision)),
  }
}

const SUCCEEDED = 'CONDITION_SUCCEEDED'

/** The last segment of a full name. */
export function shortName(full: string | null | undefined): string | undefined {
  return nonEmpty(full?.slice(full.lastIndexOf('/') + 1))
}

function failureIn(resource: Json): string | undefined {
  const failed = objectsIn(resource, 'conditions').find(
    (condition) => condition['state'] === 'CONDITION_FAILED',
  )
  return nonEmpty(textIn(failed, 'message'))
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}
