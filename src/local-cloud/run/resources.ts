/**
 * google.cloud.run.v2 in proto3 JSON, as far as the local cloud reads it. Everything else is kept and returned
 * unchanged.
 */
export interface Service extends ServiceSpec, ServiceStatus {
  name: string
}

/** What the user sets. */
export interface ServiceSpec {
  description?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ingress?: string
  launchStage?: string
  template?: RevisionTemplate
  traffic?: TrafficTarget[]
  scaling?: ServiceScaling
  invokerIamDisabled?: boolean
  defaultUriDisabled?: boolean
  customAudiences?: string[]
  client?: string
  clientVersion?: string
}

/** What only Cloud Run sets, on services and jobs. */
export interface ResourceStatus {
  uid?: string
  generation?: string
  observedGeneration?: string
  createTime?: string
  updateTime?: string
  deleteTime?: string
  expireTime?: string
  creator?: string
  lastModifier?: string
  terminalCondition?: Condition
  conditions?: Condition[]
  reconciling?: boolean
  etag?: string
}

export interface ServiceStatus extends ResourceStatus {
  urls?: string[]
  uri?: string
  latestReadyRevision?: string
  latestCreatedRevision?: string
  trafficStatuses?: TrafficTargetStatus[]
}

export interface RevisionTemplate {
  revision?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  scaling?: {minInstanceCount?: number; maxInstanceCount?: number}
  timeout?: string
  serviceAccount?: string
  containers?: Container[]
  volumes?: object[]
  maxInstanceRequestConcurrency?: number
  healthCheckDisabled?: boolean
  executionEnvironment?: string
  sessionAffinity?: boolean
  client?: string
  clientVersion?: string
}

export interface ServiceScaling {
  minInstanceCount?: number
  maxInstanceCount?: number
  scalingMode?: string
  manualInstanceCount?: number
}

export interface Container {
  name?: string
  image?: string
  command?: string[]
  args?: string[]
  env?: EnvVar[]
  resources?: {limits?: Record<string, string>; cpuIdle?: boolean; startupCpuBoost?: boolean}
  ports?: {name?: string; containerPort?: number}[]
  volumeMounts?: object[]
  workingDir?: string
  startupProbe?: Probe
  livenessProbe?: Probe
  readinessProbe?: Probe
}

export interface EnvVar {
  name?: string
  value?: string
  valueSource?: {secretKeyRef?: {secret?: string; version?: string}}
}

export interface Probe {
  initialDelaySeconds?: number
  timeoutSeconds?: number
  periodSeconds?: number
  failureThreshold?: number
  httpGet?: {path?: string; httpHeaders?: {port?: string; name?: string; value?: string}[]; port?: number}
  tcpSocket?: {port?: number}
  grpc?: {port?: number; service?: string}
}

export interface TrafficTarget {
  type?:
    | 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST'
    | 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION'
    | 'TRAFFIC_TARGET_ALLOCATION_TYPE_UNSPECIFIED'
  revision?: string
  percent?: number
  tag?: string
}

export interface TrafficTargetStatus extends TrafficTarget {
  uri?: string
}

export interface Condition {
  type: string
  state: 'CONDITION_PENDING' | 'CONDITION_RECONCILING' | 'CONDITION_FAILED' | 'CONDITION_SUCCEEDED'
  message?: string
  lastTransitionTime: string
  severity?: 'ERROR' | 'WARNING' | 'INFO'
  reason?: string
  revisionReason?: string
  executionReason?: 'NON_ZERO_EXIT_CODE' | 'CANCELLED' | 'CANCELLING'
}

export interface Revision extends Omit<RevisionTemplate, 'revision' | 'healthCheckDisabled'> {
  name: string
  uid: string
  generation: string
  createTime: string
  updateTime: string
  launchStage?: string
  /** The service's resource name. */
  service: string
  reconciling?: boolean
  conditions: Condition[]
  observedGeneration: string
  logUri?: string
  creator?: string
  etag: string
}

/** The parts of `projects/P/locations/L/services/S[/revisions/R]`. */
export interface ServiceName {
  readonly project: string
  readonly location: string
  readonly service: string
}

export function parseServiceName(name: string): ServiceName | undefined {
  const {project, location, service} =
    /^projects\/(?<project>[^/]+)\/locations\/(?<location>[^/]+)\/services\/(?<service>[^/]+)/.exec(name)
      ?.groups ?? {}
  return project === undefined || location === undefined || service === undefined
    ? undefined
    : {project, location, service}
}

/** `projects/P/locations/L` that a resource is in. */
export function locationOf(name: string): string {
  return name.split('/', 4).join('/')
}

/** Deleted services and jobs can be seen for 30 days on Google Cloud. */
const EXPIRY_MS = 30 * 24 * 3600_000

/** A service or job as its deletion returns it. @param now milliseconds since the epoch */
export function deleted<T extends object>(
  resource: T,
  now: number,
): T & {deleteTime: string; expireTime: string} {
  return {
    ...resource,
    deleteTime: new Date(now).toISOString(),
    expireTime: new Date(now + EXPIRY_MS).toISOString(),
  }
}

/** The last segment of a resource name. */
export function shortName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}
