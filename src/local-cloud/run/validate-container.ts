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
/**
 * Memory that a container may have with this many CPUs or more: cloud.google.com/run/docs/configuring/services/cpu and
 * …/memory-limits.
 */
const MEMORY: readonly (readonly [cpus: number, least: string, most: string])[] = [
  [8, '4Gi', '32Gi'],
  [6, '4Gi', '24Gi'],
  [4, '2Gi', '16Gi'],
  [2, '128Mi', '8Gi'],
  [1, '128Mi', '4Gi'],
  [0.5, '128Mi', '1Gi'],
  [0, '128Mi', '512Mi'],
]
/** What an instance has in total in the second generation, and with CPU that is always allocated. */
const LEAST_MEMORY = 512 * 2 ** 20
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

/** Containers with the limits that Cloud Run fills in and returns. */
export function withDefaultLimits(containers: readonly Container[] = []): Container[] {
  return containers.map((container) => ({
    ...container,
    resources: {...container.resources, limits: {...DEFAULT_LIMITS, ...container.resources?.limits}},
  }))
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

/** Validates what containers of services and jobs have in common, but for their limits. @throws ApiError */
export function validateContainer(field: string, container: Container): void {
  if (!container.image) throw violation(`${field}.image`, 'is required')
  if (!IMAGE.test(container.image))
    throw violation(
      `${field}.image`,
      `expected an image path like [host/]repo-path[:tag and/or @digest] but obtained "${container.image}"`,
    )
  validateEnv(field, container.env ?? [])
}

/** What decides which CPU and memory an instance may have, beside its container. */
interface Allocation {
  readonly isSecondGeneration: boolean
  readonly isCpuAlwaysAllocated: boolean
  readonly concurrency: number
}

/**
 * Refuses CPU and memory that Cloud Run does not offer, in its words.
 * @throws ApiError INVALID_ARGUMENT, or UNIMPLEMENTED for GPUs
 */
export function validateLimits(
  field: string,
  {resources}: Container,
  {isSecondGeneration, isCpuAlwaysAllocated, concurrency}: Allocation,
): void {
  const {cpu, memory, ...others} = {...DEFAULT_LIMITS, ...resources?.limits}
  const [other] = Object.keys(others)
  if (other === 'nvidia.com/gpu')
    throw new ApiError('UNIMPLEMENTED', 'GPUs (nvidia.com/gpu) are not served by the local cloud.')
  if (other !== undefined)
    throw violation(`${field}.resources.limits`, `only cpu and memory limits are supported, not "${other}"`)
  const refuse = (name: 'cpu' | 'memory', problem: string) => {
    throw violation(`${field}.resources.limits.${name}`, problem)
  }
  const [count, bytes] = [cpus(cpu), bytesOf(memory)]
  if (Number.isNaN(count))
    refuse('cpu', `Could not parse Quantity "${cpu}", which should be like "1" or "500m"`)
  if (!(count >= 0.08 && count <= 1) && ![2, 4, 6, 8].includes(count))
    refuse(
      'cpu',
      `Invalid value specified for container cpu. Must be equal to one of [.08-1], 1.0, 2.0, 4.0, 6.0, 8.0, not "${cpu}"`,
    )
  if (bytes === undefined)
    return refuse('memory', `Could not parse Quantity "${memory}", which should be like "512Mi"`)
  const [, least = '', most = ''] = MEMORY.find(([atLeast]) => count >= atLeast) ?? []
  if (bytes < (bytesOf(least) ?? 0) || bytes > (bytesOf(most) ?? Infinity))
    refuse(
      'memory',
      `Invalid value specified for container memory. For ${inGoogle(count)} CPU, memory must be between ${least} and ${most} inclusive, not ${memory}`,
    )
  const demanding = [
    ...(isSecondGeneration ? ['gen2 execution environment'] : []),
    ...(isCpuAlwaysAllocated ? ['cpu always allocated (unthrottled)'] : []),
  ].join(' with ')
  if (count < 1 && demanding !== '')
    refuse('cpu', `Invalid value specified for cpu. Total cpu < 1 is not supported with ${demanding}`)
  if (count < 1 && concurrency > 1)
    refuse('cpu', 'Invalid value specified for cpu. Total cpu < 1 is not supported with concurrency > 1')
  if (bytes < LEAST_MEMORY && demanding !== '')
    refuse(
      'memory',
      `Invalid value specified for memory. Total memory < 512 Mi is not supported with ${demanding}`,
    )
}

/** As Cloud Run's messages have it: `1.0`, `0.5`. */
function inGoogle(cpu: number): string {
  return Number.isInteger(cpu) ? cpu.toFixed(1) : String(cpu)
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

/** CPUs of a quantity such as `2` or `500m`; `NaN` if it is not one. */
export function cpus(quantity: string): number {
  return /^\d+m$/.test(quantity) ? Number.parseInt(quantity, 10) / 1000 : Number(quantity)
}

/** Bytes of a quantity such as `512Mi`, or `undefined` if it is not one. */
export function bytesOf(quantity: string): number | undefined {
  const {number, unit} =
    /^(?<number>\d+(?:\.\d+)?)(?<unit>Ki|Mi|Gi|Ti|k|K|M|G|T)?$/.exec(quantity)?.groups ?? {}
  return number === undefined ? undefined : Math.round(Number(number) * (UNITS[unit ?? ''] ?? 1))
}
