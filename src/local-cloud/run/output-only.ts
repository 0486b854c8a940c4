/**
 * Fields of services and jobs that only Cloud Run sets; what a client sends in them is ignored
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

/** What a user sets of a service or job as it was sent. */
export function withoutOutput<T extends object>(resource: T): Partial<T> {
  const spec: Partial<T> = {...resource}
  for (const field of OUTPUT_ONLY) Reflect.deleteProperty(spec, field)
  return spec
}
