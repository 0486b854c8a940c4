/**
 * Fields of services and jobs that only Cloud Run sets; values from clients are ignored
 * (google.api.field_behavior).
 */
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
  'executionCount',
  'latestCreatedExecution',
  'satisfiesPzs',
  'threatDetectionEnabled',
  'reconciling',
  'etag',
]

/** The part of a service or job that a user may set, as sent. */
export function withoutOutput<T extends object>(resource: T): Partial<T> {
  const spec: Partial<T> = {...resource}
  for (const field of OUTPUT_ONLY) Reflect.deleteProperty(spec, field)
  return spec
}
