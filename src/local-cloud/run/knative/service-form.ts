import {isDeepStrictEqual} from 'node:util'
import {ApiError} from '../../wire/api-error.ts'
import {
  parseServiceName,
  type RevisionTemplate,
  type Service,
  type ServiceSpec,
  shortName,
  type TrafficTarget,
} from '../resources.ts'
import {
  ownLabels,
  serviceAnnotations,
  serviceFields,
  templateAnnotations,
  templateFields,
} from './annotations.ts'
import {toKnativeCondition} from './conditions.ts'
import {fromKnativeContainer, toKnativeContainer} from './containers.ts'
import type {KnativeService, KnativeTemplate, KnativeTraffic} from './messages.ts'

/** A service of the Admin API v2 as `serving.knative.dev/v1` shows it. */
export function toKnativeService(service: Service): object {
  const {project = '', location = ''} = parseServiceName(service.name) ?? {}
  const name = shortName(service.name)
  const decided = service.reconciling !== true
  return {
    apiVersion: 'serving.knative.dev/v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: project,
      selfLink: `/apis/serving.knative.dev/v1/namespaces/${project}/services/${name}`,
      uid: service.uid,
      resourceVersion: toResourceVersion(service.etag),
      generation: Number(service.generation),
      creationTimestamp: service.createTime,
      labels: {...service.labels, 'cloud.googleapis.com/location': location},
      annotations: serviceAnnotations(service),
    },
    spec: {
      template: toKnativeTemplate(service.template ?? {}),
      traffic: (service.traffic ?? []).map(toKnativeTraffic),
    },
    status: {
      // Knative reports the generation that was processed, the Admin API the one that serves.
      observedGeneration: Number((decided ? service.generation : service.observedGeneration) ?? 0),
      conditions: [service.terminalCondition, ...(service.conditions ?? [])].flatMap((condition) =>
        condition ? [toKnativeCondition(condition)] : [],
      ),
      ...(service.latestReadyRevision === undefined
        ? {}
        : {latestReadyRevisionName: shortName(service.latestReadyRevision)}),
      ...(service.latestCreatedRevision === undefined
        ? {}
        : {latestCreatedRevisionName: shortName(service.latestCreatedRevision)}),
      ...(service.trafficStatuses
        ? {
            traffic: service.trafficStatuses.map((status) => ({
              ...toKnativeTraffic(status),
              ...(status.revision === undefined || status.revision === ''
                ? {}
                : {revisionName: status.revision}),
              ...(status.uri === undefined ? {} : {url: status.uri}),
            })),
          }
        : {}),
      ...(service.uri === undefined ? {} : {url: service.uri, address: {url: service.uri}}),
    },
  }
}

/**
 * What a client wants, in the Admin API's form. A part that equals the current one is kept from the current one, so that
 * fields that Knative cannot express are not lost, and an unchanged template creates no revision.
 */
export function fromKnativeService(sent: KnativeService, present: ServiceSpec | undefined): ServiceSpec {
  const {template, traffic} = sent.spec ?? {}
  if (!template) throw new ApiError('INVALID_ARGUMENT', 'spec.template: should be set.')
  const labels = ownLabels(sent.metadata?.labels)
  return {
    ...serviceFields(sent.metadata?.annotations),
    ...(labels ? {labels} : {}),
    template: keep(present?.template, template, toKnativeTemplate, fromKnativeTemplate),
    ...(traffic ? {traffic: traffic.map(fromKnativeTraffic)} : {}),
  }
}

/** A resource's version in Knative's form: the text between an etag's quotes. */
export function toResourceVersion(etag = ''): string {
  return etag.replaceAll('"', '')
}

export function fromResourceVersion(version: string): string {
  return `"${version}"`
}

function keep<Own, Sent>(
  present: Own | undefined,
  sent: Sent,
  to: (own: Own) => unknown,
  from: (sent: Sent) => Own,
): Own {
  return present !== undefined && isDeepStrictEqual(normal(to(present)), normal(sent)) ? present : from(sent)
}

/** Drops absent fields and empty objects, which clients add and drop freely. */
function normal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normal)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
    .map(([name, entry]: [string, unknown]) => [name, normal(entry)] as const)
    .filter(([, entry]) => entry !== undefined && !isEmpty(entry))
  return Object.fromEntries(entries)
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

/** Only the spec, which revisions share with templates. */
export function toKnativeRevisionSpec(template: RevisionTemplate): object {
  const timeout = template.timeout === undefined ? undefined : Number.parseInt(template.timeout, 10)
  return {
    ...(template.maxInstanceRequestConcurrency === undefined
      ? {}
      : {containerConcurrency: template.maxInstanceRequestConcurrency}),
    ...(timeout === undefined ? {} : {timeoutSeconds: timeout}),
    ...(template.serviceAccount === undefined ? {} : {serviceAccountName: template.serviceAccount}),
    containers: (template.containers ?? []).map(toKnativeContainer),
    ...(template.volumes ? {volumes: template.volumes} : {}),
  }
}

function toKnativeTemplate(template: RevisionTemplate): object {
  const annotations = templateAnnotations(template)
  const metadata = {
    ...(template.revision === undefined || template.revision === '' ? {} : {name: template.revision}),
    ...(template.labels ? {labels: template.labels} : {}),
    ...(Object.keys(annotations).length > 0 ? {annotations} : {}),
  }
  return {
    ...(Object.keys(metadata).length > 0 ? {metadata} : {}),
    spec: toKnativeRevisionSpec(template),
  }
}

function fromKnativeTemplate({metadata = {}, spec = {}}: KnativeTemplate): RevisionTemplate {
  const labels = ownLabels(metadata.labels)
  const {fields, cpu} = templateFields(metadata.annotations)
  const {containerConcurrency, timeoutSeconds, serviceAccountName, containers, volumes} = spec
  return {
    ...fields,
    ...(metadata.name === undefined || metadata.name === '' ? {} : {revision: metadata.name}),
    ...(labels ? {labels} : {}),
    ...(containerConcurrency === undefined ? {} : {maxInstanceRequestConcurrency: containerConcurrency}),
    ...(timeoutSeconds === undefined ? {} : {timeout: `${timeoutSeconds}s`}),
    ...(serviceAccountName === undefined || serviceAccountName === ''
      ? {}
      : {serviceAccount: serviceAccountName}),
    ...(containers ? {containers: containers.map((container) => fromKnativeContainer(container, cpu))} : {}),
    ...(volumes && volumes.length > 0 ? {volumes} : {}),
  }
}

function toKnativeTraffic({type, revision = '', percent, tag = ''}: TrafficTarget): KnativeTraffic {
  return {
    ...(revision === '' || type === 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST'
      ? {latestRevision: true}
      : {revisionName: shortName(revision)}),
    ...(percent === undefined ? {} : {percent}),
    ...(tag === '' ? {} : {tag}),
  }
}

function fromKnativeTraffic({
  revisionName = '',
  latestRevision,
  percent,
  tag,
}: KnativeTraffic): TrafficTarget {
  if (latestRevision === true && revisionName !== '')
    throw new ApiError(
      'INVALID_ARGUMENT',
      `spec.traffic: may not set revisionName ("${revisionName}") together with latestRevision.`,
    )
  return {
    type:
      revisionName === ''
        ? 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST'
        : 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION',
    ...(revisionName === '' ? {} : {revision: revisionName}),
    ...(percent === undefined ? {} : {percent}),
    ...(tag === undefined || tag === '' ? {} : {tag}),
  }
}
