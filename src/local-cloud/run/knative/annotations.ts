import {ApiError} from '../../wire/api-error.ts'
import type {Job} from '../jobs/resources.ts'
import type {RevisionTemplate, Service, ServiceSpec} from '../resources.ts'

/**
 * Fields of the Admin API v2 that are annotations in Knative's form
 * (cloud.google.com/run/docs/reference/rest/v1/ObjectMeta and /v2).
 */
const RUN = 'run.googleapis.com'
const SCALING = 'autoscaling.knative.dev'
const SERVING = 'serving.knative.dev'
const SYSTEM =
  /^(?:[^/]*\.)?(?:run\.googleapis\.com|cloud\.googleapis\.com|serving\.knative\.dev|autoscaling\.knative\.dev)\//
/** Cloud Run's own: clients send them back unchanged. */
const OUTPUT_ONLY = new Set([
  `${SERVING}/creator`,
  `${SERVING}/lastModifier`,
  `${RUN}/creator`,
  `${RUN}/lastModifier`,
  `${RUN}/urls`,
  `${RUN}/ingress-status`,
  `${RUN}/operation-id`,
])

type Annotations = Record<string, string>

/** The annotations of a service. */
export function serviceAnnotations(service: Service): Annotations {
  const {scaling = {}} = service
  return {
    ...service.annotations,
    ...given(`${SERVING}/creator`, service.creator),
    ...given(`${SERVING}/lastModifier`, service.lastModifier),
    ...given(`${RUN}/description`, service.description),
    ...given(`${RUN}/launch-stage`, service.launchStage === 'GA' ? undefined : service.launchStage),
    ...given(`${RUN}/client-name`, service.client),
    ...given(`${RUN}/client-version`, service.clientVersion),
    ...given(`${RUN}/ingress`, ingressWord(service.ingress)),
    ...given(`${RUN}/ingress-status`, ingressWord(service.ingress)),
    ...given(`${RUN}/minScale`, scaling.minInstanceCount),
    ...given(`${RUN}/maxScale`, scaling.maxInstanceCount),
    ...given(`${RUN}/manualInstanceCount`, scaling.manualInstanceCount),
    ...given(`${RUN}/scalingMode`, scaling.scalingMode?.toLowerCase()),
    ...given(`${RUN}/invoker-iam-disabled`, service.invokerIamDisabled),
    ...given(`${RUN}/default-url-disabled`, service.defaultUriDisabled),
    ...given(`${RUN}/custom-audiences`, service.customAudiences && JSON.stringify(service.customAudiences)),
    ...given(`${RUN}/urls`, service.urls && JSON.stringify(service.urls)),
  }
}

/** @throws ApiError for a Cloud Run annotation that is not served here, or an invalid value */
export function serviceFields(annotations: Annotations = {}): ServiceSpec {
  const spec: ServiceSpec = {}
  const scaling: NonNullable<ServiceSpec['scaling']> = {}
  const own: Annotations = {}
  for (const [name, value] of Object.entries(annotations)) {
    if (OUTPUT_ONLY.has(name)) continue
    else if (!SYSTEM.test(name)) own[name] = value
    else if (name === `${RUN}/description`) spec.description = value
    else if (name === `${RUN}/launch-stage`) spec.launchStage = value
    else if (name === `${RUN}/client-name`) spec.client = value
    else if (name === `${RUN}/client-version`) spec.clientVersion = value
    else if (name === `${RUN}/ingress`) spec.ingress = ingressName(value)
    else if (name === `${RUN}/minScale`) scaling.minInstanceCount = count(name, value)
    else if (name === `${RUN}/maxScale`) scaling.maxInstanceCount = count(name, value)
    else if (name === `${RUN}/manualInstanceCount`) scaling.manualInstanceCount = count(name, value)
    else if (name === `${RUN}/scalingMode`) scaling.scalingMode = value.toUpperCase()
    else if (name === `${RUN}/invoker-iam-disabled`) spec.invokerIamDisabled = yes(name, value)
    else if (name === `${RUN}/default-url-disabled`) spec.defaultUriDisabled = yes(name, value)
    else if (name === `${RUN}/custom-audiences`) spec.customAudiences = audiences(value)
    else throw notServed(name)
  }
  return {
    ...spec,
    ...(Object.keys(own).length > 0 ? {annotations: own} : {}),
    ...(Object.keys(scaling).length > 0 ? {scaling} : {}),
  }
}

/** The annotations of a template or revision. */
export function templateAnnotations(template: RevisionTemplate): Annotations {
  const resources = template.containers?.[0]?.resources
  return {
    ...template.annotations,
    ...given(`${SCALING}/minScale`, template.scaling?.minInstanceCount),
    ...given(`${SCALING}/maxScale`, template.scaling?.maxInstanceCount),
    // Without resources, CPU is allocated during requests only; with resources, only if they say so (v2's cpu_idle).
    ...given(`${RUN}/cpu-throttling`, resources && resources.cpuIdle !== true ? false : undefined),
    ...given(`${RUN}/startup-cpu-boost`, resources?.startupCpuBoost),
    ...given(`${RUN}/client-name`, template.client),
    ...given(`${RUN}/client-version`, template.clientVersion),
    ...given(`${RUN}/execution-environment`, environmentWord(template.executionEnvironment)),
    ...given(`${RUN}/sessionAffinity`, template.sessionAffinity),
    ...given(`${RUN}/health-check-disabled`, template.healthCheckDisabled),
  }
}

/** @throws ApiError for a Cloud Run annotation that is not served here, or an invalid value */
export function templateFields(annotations: Annotations = {}): {
  fields: RevisionTemplate
  cpu: {cpuIdle?: boolean; startupCpuBoost?: boolean}
} {
  const fields: RevisionTemplate = {}
  const scaling: NonNullable<RevisionTemplate['scaling']> = {}
  const cpu: {cpuIdle?: boolean; startupCpuBoost?: boolean} = {}
  const own: Annotations = {}
  for (const [name, value] of Object.entries(annotations)) {
    if (OUTPUT_ONLY.has(name)) continue
    else if (!SYSTEM.test(name)) own[name] = value
    else if (name === `${SCALING}/minScale`) scaling.minInstanceCount = count(name, value)
    else if (name === `${SCALING}/maxScale`) scaling.maxInstanceCount = count(name, value)
    else if (name === `${RUN}/cpu-throttling`) cpu.cpuIdle = yes(name, value)
    else if (name === `${RUN}/startup-cpu-boost`) cpu.startupCpuBoost = yes(name, value)
    else if (name === `${RUN}/client-name`) fields.client = value
    else if (name === `${RUN}/client-version`) fields.clientVersion = value
    else if (name === `${RUN}/execution-environment`)
      fields.executionEnvironment = `EXECUTION_ENVIRONMENT_${value.toUpperCase()}`
    else if (name === `${RUN}/sessionAffinity`) fields.sessionAffinity = yes(name, value)
    else if (name === `${RUN}/health-check-disabled`) fields.healthCheckDisabled = yes(name, value)
    else throw notServed(name)
  }
  return {
    fields: {
      ...fields,
      ...(Object.keys(own).length > 0 ? {annotations: own} : {}),
      ...(Object.keys(scaling).length > 0 ? {scaling} : {}),
    },
    cpu,
  }
}

/** @throws ApiError UNIMPLEMENTED for a Cloud Run annotation that is not served here */
export function jobFields(
  annotations: Annotations = {},
): Pick<Job, 'annotations' | 'client' | 'clientVersion'> {
  const fields: Pick<Job, 'annotations' | 'client' | 'clientVersion'> = {}
  const own: Annotations = {}
  for (const [name, value] of Object.entries(annotations)) {
    if (OUTPUT_ONLY.has(name)) continue
    else if (!SYSTEM.test(name)) own[name] = value
    else if (name === `${RUN}/client-name`) fields.client = value
    else if (name === `${RUN}/client-version`) fields.clientVersion = value
    // Jobs always run in the second generation; the launch stage follows from the features used.
    else if (name === `${RUN}/execution-environment` || name === `${RUN}/launch-stage`) continue
    else throw notServed(name)
  }
  return {...fields, ...(Object.keys(own).length > 0 ? {annotations: own} : {})}
}

/** Labels without Cloud Run's own; undefined if none is left. */
export function ownLabels(labels: Record<string, string> = {}): Record<string, string> | undefined {
  const own = Object.entries(labels).filter(([name]) => !SYSTEM.test(name))
  return own.length > 0 ? Object.fromEntries(own) : undefined
}

function given(name: string, value: string | number | boolean | undefined): Annotations {
  return value === undefined || value === '' ? {} : {[name]: String(value)}
}

/** `INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER` is `internal-and-cloud-load-balancing`. */
const INGRESS: Readonly<Record<string, string>> = {
  INGRESS_TRAFFIC_ALL: 'all',
  INGRESS_TRAFFIC_INTERNAL_ONLY: 'internal',
  INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER: 'internal-and-cloud-load-balancing',
}

function ingressWord(ingress = ''): string | undefined {
  return INGRESS[ingress]
}

function ingressName(word: string): string {
  const name = Object.keys(INGRESS).find((key) => INGRESS[key] === word)
  if (name === undefined)
    throw new ApiError(
      'INVALID_ARGUMENT',
      `metadata.annotations[${RUN}/ingress]: "${word}" must be one of ${Object.values(INGRESS).join(', ')}.`,
    )
  return name
}

function environmentWord(environment = ''): string | undefined {
  return /^EXECUTION_ENVIRONMENT_(?<word>GEN\d)$/.exec(environment)?.groups?.['word']?.toLowerCase()
}

function count(name: string, value: string): number {
  if (!/^\d+$/.test(value))
    throw new ApiError(
      'INVALID_ARGUMENT',
      `metadata.annotations[${name}]: "${value}" must be a whole number.`,
    )
  return Number(value)
}

function yes(name: string, value: string): boolean {
  if (!/^(?:true|false)$/i.test(value))
    throw new ApiError('INVALID_ARGUMENT', `metadata.annotations[${name}]: "${value}" must be true or false.`)
  return value.toLowerCase() === 'true'
}

function audiences(value: string): string[] {
  const wrong = `metadata.annotations[${RUN}/custom-audiences]: must be a JSON array of strings.`
  try {
    const parsed: unknown = JSON.parse(value)
    if (Array.isArray(parsed) && parsed.every((entry) => typeof entry === 'string')) return parsed
  } catch (error) {
    throw new ApiError('INVALID_ARGUMENT', `${wrong} ${String(error)}`)
  }
  throw new ApiError('INVALID_ARGUMENT', wrong)
}

function notServed(name: string): ApiError {
  return new ApiError('UNIMPLEMENTED', `The annotation ${name} is not served by the local cloud.`)
}
