import type {Principal} from '../wire/call.ts'
import type {Clock} from '../wire/clock.ts'

/** google.monitoring.v3.MutationRecord in proto3 JSON. */
interface MutationRecord {
  mutateTime: string
  mutatedBy: string
}

/** Of a change that is made now. */
export function mutationBy(principal: Principal, clock: Clock): MutationRecord {
  return {mutateTime: new Date(clock.now()).toISOString(), mutatedBy: principal}
}

/** google.monitoring.v3.NotificationChannel in proto3 JSON. */
export interface Channel {
  /** `projects/P/notificationChannels/ID` */
  name: string
  /** `email`, `webhook_tokenauth` … */
  type: string
  displayName?: string
  labels?: Record<string, string>
  userLabels?: Record<string, string>
  enabled: boolean
  creationRecord: MutationRecord
  mutationRecords: MutationRecord[]
}

/** google.monitoring.v3.AlertPolicy in proto3 JSON. */
export interface Policy {
  /** `projects/P/alertPolicies/ID` */
  name: string
  displayName?: string
  documentation?: {content?: string; mimeType?: string; subject?: string}
  userLabels?: Record<string, string>
  combiner?: string
  conditions?: Condition[]
  /** `projects/P/notificationChannels/ID` */
  notificationChannels?: string[]
  severity?: string
  enabled: boolean
  creationRecord: MutationRecord
  mutationRecord: MutationRecord
}

export interface Condition {
  /** `projects/P/alertPolicies/ID/conditions/ID` */
  name?: string
  displayName?: string
  conditionThreshold?: Threshold
}

/** google.monitoring.v3.AlertPolicy.Condition.MetricThreshold, as far as it is looked into. */
export interface Threshold {
  filter?: string
  denominatorFilter?: string
  forecastOptions?: object
  comparison?: string
  thresholdValue?: number
  /** `60s` */
  duration?: string
  aggregations?: {alignmentPeriod?: string}[]
}
