import {
  type Container,
  type Probe,
  type RevisionTemplate,
  type ServiceSpec,
  shortName,
  type TrafficTarget,
} from '../resources.ts'
import {onlyContainer, seconds, validateContainer, validateLimits} from '../validate-container.ts'
import {rejectReserved, validateLabels, violation} from '../violation.ts'

const LONGEST_TIMEOUT_SECONDS = 3600
const LARGEST_CONCURRENCY = 1000
/** Longest time that a container may take to start (cloud.google.com/run/docs/configuring/healthchecks). */
const LONGEST_STARTUP_SECONDS = 240
const LONGEST_LIVENESS_SECONDS = 3600

/**
 * Checks a service id as Cloud Run does.
 * @throws ApiError INVALID_ARGUMENT
 */
export function validateServiceId(id: string): void {
  if (/^[a-z](?:[a-z0-9-]{0,47}[a-z0-9])?$/.test(id)) return
  throw violation(
    'service_id',
    `"${id}" is not valid: only lowercase letters, digits and hyphens; must begin with a letter, may not end with a hyphen, and must be less than 50 characters`,
  )
}

/**
 * Checks what a user sets on a service against Cloud Run's limits (cloud.google.com/run/quotas and the comments of the
 * protos), and against what the local cloud can run.
 * @throws ApiError INVALID_ARGUMENT, or UNIMPLEMENTED for what is not served here
 */
export function validateService(id: string, spec: ServiceSpec): void {
  if (!spec.template) throw violation('service.template', 'is required')
  if ((spec.description ?? '').length > 512)
    throw violation('service.description', 'has more than 512 characters')
  validateLabels('service.labels', spec.labels)
  rejectReserved('service.annotations', spec.annotations)
  validateTemplate(id, spec.template)
  validateTraffic(spec.traffic ?? [])
  const {minInstanceCount = 0, maxInstanceCount = 0, manualInstanceCount = 0} = spec.scaling ?? {}
  for (const count of [minInstanceCount, maxInstanceCount, manualInstanceCount])
    if (count < 0) throw violation('service.scaling', 'counts must not be negative')
  if (maxInstanceCount > 0 && minInstanceCount > maxInstanceCount)
    throw violation(
      'service.scaling.min_instance_count',
      `${minInstanceCount} must be less than or equal to max_instance_count (${maxInstanceCount})`,
    )
  if (spec.scaling?.scalingMode === 'MANUAL' && spec.scaling.manualInstanceCount === undefined)
    throw violation('service.scaling.manual_instance_count', 'is required in manual scaling mode')
}

function validateTemplate(id: string, template: RevisionTemplate): void {
  const field = 'service.template'
  const {revision = '', timeout, scaling, maxInstanceRequestConcurrency: concurrency = 0} = template
  validateLabels(`${field}.labels`, template.labels)
  rejectReserved(`${field}.annotations`, template.annotations)
  if (
    revision !== '' &&
    (!revision.startsWith(`${id}-`) || !/^[a-z][a-z0-9-]{0,61}[a-z0-9]$/.test(revision))
  ) {
    throw violation(
      `${field}.revision`,
      `"${revision}" must be "${id}-" and up to ${63 - id.length - 1} lowercase letters, digits and hyphens`,
    )
  }
  if (timeout !== undefined && !(seconds(timeout) > 0 && seconds(timeout) <= LONGEST_TIMEOUT_SECONDS)) {
    throw violation(
      `${field}.timeout`,
      `${timeout} must be more than 0 and at most ${LONGEST_TIMEOUT_SECONDS} seconds`,
    )
  }
  if (concurrency < 0 || concurrency > LARGEST_CONCURRENCY) {
    throw violation(
      `${field}.max_instance_request_concurrency`,
      `${concurrency} must be between 0 (the default) and ${LARGEST_CONCURRENCY}`,
    )
  }
  const {minInstanceCount = 0, maxInstanceCount = 0} = scaling ?? {}
  if (minInstanceCount < 0 || maxInstanceCount < 0)
    throw violation(`${field}.scaling`, 'counts must not be negative')
  if (maxInstanceCount > 0 && minInstanceCount > maxInstanceCount) {
    throw violation(
      `${field}.scaling.min_instance_count`,
      `${minInstanceCount} must be less than or equal to max_instance_count (${maxInstanceCount})`,
    )
  }
  const container = onlyContainer(field, template)
  validateServiceContainer(container)
  validateLimits(`${field}.containers[0]`, container, {
    isSecondGeneration: template.executionEnvironment === 'EXECUTION_ENVIRONMENT_GEN2',
    isCpuAlwaysAllocated: container.resources !== undefined && container.resources.cpuIdle !== true,
    concurrency,
  })
}

function validateServiceContainer(container: Container): void {
  const field = 'service.template.containers[0]'
  validateContainer(field, container)
  const ports = container.ports ?? []
  if (ports.length > 1) throw violation(`${field}.ports`, 'must have one port at most')
  for (const {containerPort = 0} of ports) {
    if (containerPort < 1 || containerPort > 65_535)
      throw violation(`${field}.ports[0].container_port`, `${containerPort} must be between 1 and 65535`)
  }
  if (container.startupProbe)
    validateProbe(container.startupProbe, `${field}.startup_probe`, LONGEST_STARTUP_SECONDS)
  if (container.livenessProbe) {
    validateProbe(container.livenessProbe, `${field}.liveness_probe`, LONGEST_LIVENESS_SECONDS)
    if (container.livenessProbe.tcpSocket)
      throw violation(`${field}.liveness_probe`, 'must be one of http_get and grpc')
  }
}

function validateProbe(probe: Probe, field: string, longest: number): void {
  if ([probe.httpGet, probe.tcpSocket, probe.grpc].filter((kind) => kind !== undefined).length > 1)
    throw violation(field, 'must have one of http_get, tcp_socket and grpc')
  const {initialDelaySeconds = 0, timeoutSeconds = 1, periodSeconds = 10, failureThreshold = 3} = probe
  for (const [name, value, least] of [
    ['initial_delay_seconds', initialDelaySeconds, 0],
    ['timeout_seconds', timeoutSeconds, 1],
    ['period_seconds', periodSeconds, 1],
    ['failure_threshold', failureThreshold, 1],
  ] as const) {
    if (value !== 0 && (value < least || value > longest))
      throw violation(`${field}.${name}`, `${value} must be between ${least} and ${longest}`)
  }
  if (timeoutSeconds > periodSeconds)
    throw violation(
      `${field}.timeout_seconds`,
      `${timeoutSeconds} must not be more than period_seconds (${periodSeconds})`,
    )
}

function validateTraffic(targets: readonly TrafficTarget[]): void {
  if (targets.length === 0) return
  const tags = new Set<string>()
  let sum = 0
  for (const [index, {type, revision = '', percent = 0, tag = ''}] of targets.entries()) {
    const field = `service.traffic[${index}]`
    if (percent < 0 || percent > 100)
      throw violation(`${field}.percent`, `${percent} must be between 0 and 100`)
    if (type === 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION' && revision === '')
      throw violation(`${field}.revision`, 'is required with this type')
    if (type === 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST' && revision !== '')
      throw violation(`${field}.revision`, `"${shortName(revision)}" must not be given with the type LATEST`)
    if (tag !== '') {
      if (!/^[a-z][a-z0-9-]{0,45}$/.test(tag))
        throw violation(
          `${field}.tag`,
          `"${tag}" must be up to 46 lowercase letters, digits and hyphens, and begin with a letter`,
        )
      if (tags.has(tag)) throw violation(`${field}.tag`, `"${tag}" is given twice`)
      tags.add(tag)
    }
    sum += percent
  }
  if (sum !== 100) throw violation('service.traffic', `the percentages must sum to 100, not ${sum}`)
}
