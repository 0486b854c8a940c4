import {ApiError} from '../wire/api-error.ts'
import type {Container, EnvVar} from './resources.ts'
import {violation} from './violation.ts'

const RESERVED_ENV = new Set([
  'PORT',
  'K_SERVICE',
  'K_REVISION',
  'K_CONFIGURATION',
  'CLOUD_RUN_JOB',
  'CLOUD_RUN_EXECUTION',
  'CLOUD_RUN_TASK_INDEX',
  'CLOUD_RUN_TASK_ATTEMPT',
  'CLOUD_RUN_TASK_COUNT',
])
/** Of the service's project, or of another one (cloud.google.com/run/docs/configuring/services/secrets). */
const SECRET = /^(?:projects\/[^/]+\/secrets\/)?[A-Za-z0-9_-]{1,255}$/
/** cloud.google.com/artifact-registry/docs/docker/names, as distribution/reference has it */
const IMAGE =
  /^(?:[\w.-]+(?::\d+)?\/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@sha256:[a-f0-9]{64})?$/
/** In the first generation of the execution environment. */
const LEAST_MEMORY_BYTES = 128 * 2 ** 20
/** cloud.google.com/run/docs/configuring/services/memory-limits: with less CPU than this, at most that much. */
const MOST_MEMORY: readonly (readonly [belowCpus: number, most: string])[] = [
  [0.5, '512Mi'],
  [1, '1Gi'],
  [2, '4Gi'],
  [4, '8Gi'],
  [6, '16Gi'],
  [8, '24Gi'],
  [Infinity, '32Gi'],
]
const UNITS: Readonly<Record<string, number>> = {
  k: 1e3,
  K: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
}

/** The limits of a container that sets none (cloud.google.com/run/docs/configuring/services/memory-limits, …/cpu). */
export const DEFAULT_LIMITS = {cpu: '1000m', memory: '512Mi'}

/**
 * Containers with what Cloud Run fills in and returns: limits, and, unless resources are given, CPU during requests
 * alone.
 */
export function withDefaultLimits(containers: readonly Container[] = []): Container[] {
  return containers.map((container) => {
    const {resources = {cpuIdle: true}} = container
    return {...container, resources: {...resources, limits: {...DEFAULT_LIMITS, ...resources.limits}}}
  })
}

/**
 * The only container of a template.
 * @param field e.g. `service.template`
 * @throws ApiError INVALID_ARGUMENT if there is none, UNIMPLEMENTED for sidecars and volumes
 */
export function onlyContainer(
  field: string,
  {containers = [], volumes = []}: {containers?: Container[]; volumes?: object[]},
): Container {
  const [container] = containers
  if (!container) throw violation(`${field}.containers`, 'must have a container')
  if (containers.length > 1)
    throw new ApiError(
      'UNIMPLEMENTED',
      'Sidecars (more than one container) are not served by the local cloud.',
    )
  if (volumes.length > 0) throw new ApiError('UNIMPLEMENTED', 'Volumes are not served by the local cloud.')
  return container
}

/** Validates what containers of services and jobs have in common. @throws ApiError */
export function validateContainer(field: string, container: Container): void {
  if (!container.image) throw violation(`${field}.image`, 'is required')
  if (!IMAGE.test(container.image))
    throw violation(
      `${field}.image`,
      `expected an image path like [host/]repo-path[:tag and/or @digest] but obtained "${container.image}"`,
    )
  validateEnv(field, container.env ?? [])
  const {cpu, memory} = container.resources?.limits ?? {}
  if (cpu !== undefined && !(cpus(cpu) >= 0.08 && cpus(cpu) <= 8))
    throw violation(
      `${field}.resources.limits.cpu`,
      `"${cpu}" must be between 0.08 and 8, e.g. "1" or "500m"`,
    )
  if (memory !== undefined) validateMemory(`${field}.resources.limits.memory`, memory, cpu)
}

function validateMemory(field: string, memory: string, cpu = '1'): void {
  const bytes = bytesOf(memory)
  if (bytes === undefined) throw violation(field, `"${memory}" is not a quantity such as "512Mi"`)
  const [, most = ''] = MOST_MEMORY.find(([below]) => cpus(cpu) < below) ?? []
  if (bytes < LEAST_MEMORY_BYTES || bytes > (bytesOf(most) ?? Infinity))
    throw violation(
      field,
      `invalid value specified for container memory: for ${cpus(cpu)} CPU, memory must be between 128Mi and ${most} inclusive, not ${memory}`,
    )
}

/** @throws ApiError INVALID_ARGUMENT */
export function validateEnv(field: string, env: readonly EnvVar[]): void {
  const seen = new Set<string>()
  for (const {name = '', value = '', valueSource} of env) {
    if (name === '' || name.includes('=') || name.includes('\0'))
      throw violation(`${field}.env`, `"${name}" is not a valid variable name`)
    if (RESERVED_ENV.has(name))
      throw violation(
        `${field}.env`,
        `the following reserved env names were provided: ${name}. These values are automatically set by the system`,
      )
    if (seen.has(name)) throw violation(`${field}.env`, `"${name}" is given twice`)
    seen.add(name)
    if (valueSource && value !== '')
      throw violation(`${field}.env`, `"${name}" must have a value or a value source, not both`)
    if (valueSource && !SECRET.test(valueSource.secretKeyRef?.secret ?? ''))
      throw violation(
        `${field}.env`,
        `the secret of "${name}" must be the name of a secret, or projects/PROJECT/secrets/NAME for one of another project`,
      )
  }
}

/** Seconds of a Duration in JSON, e.g. `540s`. */
export function seconds(duration: string): number {
  return Number.parseFloat(duration)
}

/** CPUs of a quantity such as `2` or `500m`. */
export function cpus(quantity: string): number {
  return /^\d+m$/.test(quantity) ? Number.parseInt(quantity, 10) / 1000 : Number(quantity)
}

/** Bytes of a quantity such as `512Mi`, or `undefined` if it is not one. */
export function bytesOf(quantity: string): number | undefined {
  const {number, unit} =
    /^(?<number>\d+(?:\.\d+)?)(?<unit>Ki|Mi|Gi|Ti|k|K|M|G|T)?$/.exec(quantity)?.groups ?? {}
  return number === undefined ? undefined : Math.round(Number(number) * (UNITS[unit ?? ''] ?? 1))
}
