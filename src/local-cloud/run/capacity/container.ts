import type {Probe} from '../../instances/probe.ts'
import {DEFAULT_STARTUP_PROBE, type StartupResult} from '../../instances/startup.ts'
import {
  type Container,
  type Probe as DeclaredProbe,
  type Revision,
  type ServiceName,
  shortName,
} from '../resources.ts'
import {cpus} from '../validate-container.ts'

/** cloud.google.com/run/docs/about-concurrency */
const DEFAULT_CONCURRENCY = 80

/** Why a revision does not become ready, for the person who deploys it. */
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

/** Requests an instance handles at a time: 80, or 1 if it has less than one CPU. */
export function effectiveConcurrency({
  maxInstanceRequestConcurrency = 0,
  containers = [],
}: Pick<Revision, 'maxInstanceRequestConcurrency' | 'containers'>): number {
  if (maxInstanceRequestConcurrency > 0) return maxInstanceRequestConcurrency
  return cpus(containers[0]?.resources?.limits?.['cpu'] ?? '1') < 1 ? 1 : DEFAULT_CONCURRENCY
}

/** Variables that Cloud Run sets in an instance (cloud.google.com/run/docs/container-contract#services-env-vars). */
export function revisionEnvironment(name: ServiceName, revision: Revision): Record<string, string> {
  return {K_SERVICE: name.service, K_REVISION: shortName(revision.name), K_CONFIGURATION: name.service}
}

/** The port that a container listens on unless it names one (cloud.google.com/run/docs/container-contract#port). */
export const DEFAULT_CONTAINER_PORT = 8080

/** A container's startup probe, with Cloud Run's defaults for what the user left out. */
export function startupProbe({startupProbe: probe, ports}: Container): Probe {
  return probe ? withDefaults(probe, ports) : DEFAULT_STARTUP_PROBE
}

/** A container's liveness probe, if it has one. */
export function livenessProbe({livenessProbe: probe, ports}: Container): Probe | undefined {
  return probe && withDefaults(probe, ports)
}

function withDefaults(probe: DeclaredProbe, ports: Container['ports']): Probe {
  const main = ports?.[0]?.containerPort ?? DEFAULT_CONTAINER_PORT
  const other = (port: number | undefined): number | undefined =>
    port === main ? undefined : port || undefined
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
      port: other(probe.httpGet.port),
    },
    grpc: probe.grpc && {service: probe.grpc.service ?? '', port: other(probe.grpc.port)},
  }
}

export function imageNotFound({image}: Container): NotReadyError {
  return new NotReadyError(
    'ContainerReady',
    {reason: 'CONTAINER_MISSING'},
    `Image '${image}' not found. Push it to the local registry first.`,
  )
}

export function notListening(
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
