import type {Service, ServiceSpec} from './resources.ts'

/** Fields of a service that only Cloud Run sets; what a client sends in them is ignored (google.api.field_behavior). */
const OUTPUT_ONLY = [
  'name',
  'uid',
  'generation',
  'createTime',
  'updateTime',
  'deleteTime',
  'expireTime',
  'creator',
  'lastModifier',
  'observedGeneration',
  'terminalCondition',
  'conditions',
  'latestReadyRevision',
  'latestCreatedRevision',
  'trafficStatuses',
  'uri',
  'urls',
  'satisfiesPzs',
  'threatDetectionEnabled',
  'reconciling',
  'etag',
] as const satisfies readonly string[]

/** What a user sets of a service as it was sent. */
export function withoutOutput(service: Service): ServiceSpec {
  const spec: Partial<Service> = {...service}
  for (const field of OUTPUT_ONLY) Reflect.deleteProperty(spec, field)
  return spec
}

/**
 * The next spec: all of `sent` without a mask (what is absent is unset), else `current` with the fields that the mask
 * names taken from `sent`.
 * @param mask a FieldMask in JSON, e.g. `template.containers,traffic`
 */
export function applyMask(current: ServiceSpec, sent: ServiceSpec, mask = ''): ServiceSpec {
  if (mask === '' || mask === '*') return sent
  const next: Record<string, unknown> = structuredClone({...current})
  for (const path of mask.split(',')) {
    const segments = path
      .split('.')
      .map((segment) => segment.replaceAll(/_(?<letter>[a-z])/g, (_, letter: string) => letter.toUpperCase()))
    take(next, {...sent}, segments)
  }
  return next
}

function take(
  target: Record<string, unknown>,
  source: Record<string, unknown>,
  [field = '', ...rest]: readonly string[],
): void {
  if (rest.length === 0) {
    if (source[field] === undefined) Reflect.deleteProperty(target, field)
    else target[field] = source[field]
    return
  }
  const inner = {...asObject(target[field])}
  take(inner, asObject(source[field]), rest)
  target[field] = inner
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? {...value} : {}
}
