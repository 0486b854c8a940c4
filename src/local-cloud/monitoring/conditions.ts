import type {Condition, Policy} from './resources.ts'

/** The metrics that conditions are evaluated on: https://cloud.google.com/monitoring/api/metrics_gcp */
const METRICS = [
  {
    metric: 'undelivered',
    type: 'pubsub.googleapis.com/subscription/num_undelivered_messages',
    labels: '',
    displayName: 'Unacked messages',
  },
  {
    metric: 'age',
    type: 'pubsub.googleapis.com/subscription/oldest_unacked_message_age',
    labels: '',
    displayName: 'Oldest unacked message age',
  },
  {
    metric: 'acknowledged',
    type: 'pubsub.googleapis.com/subscription/push_request_count',
    labels: 'response_class=ack',
    displayName: 'Push requests',
  },
  {
    metric: 'failed',
    type: 'run.googleapis.com/job/completed_execution_count',
    labels: 'result=failed',
    displayName: 'Completed executions',
  },
] as const

/** A condition of a policy that the local cloud can evaluate. */
export interface Watch {
  readonly policy: Policy
  /** Its name: `projects/P/alertPolicies/ID/conditions/ID`. */
  readonly name: string
  readonly condition: Condition
  readonly metric: (typeof METRICS)[number]
  /** `projects/P/subscriptions/S`, or `projects/P/jobs/J` in any region. */
  readonly subject: string
  /** The monitored resource, as in an incident. */
  readonly resource: {readonly type: string; readonly labels: Readonly<Record<string, string>>}
  readonly metricLabels: Readonly<Record<string, string>>
  readonly threshold: number
  /** Over which a count is taken. */
  readonly windowMs: number
  /** How long it must hold. */
  readonly durationMs: number
}

/** What is known about a subscription or a job; times are milliseconds since 1970. */
export interface Facts {
  readonly messages?: number
  /** When the oldest message was published. */
  readonly oldest?: number | undefined
  /** When a message was last acknowledged. */
  readonly acknowledged?: number
  /** When an execution last failed. */
  readonly failed?: number
}

export interface Evaluation {
  readonly met: boolean
  readonly value: number
  /** When the answer changes though nothing happens, in milliseconds from now. */
  readonly changesInMs?: number
}

/** The conditions of a policy that can be evaluated; others are only stored. */
export function watchesOf(policy: Policy): Watch[] {
  if (!policy.enabled) return []
  return (policy.conditions ?? []).flatMap((condition) => watchOf(policy, condition) ?? [])
}

function watchOf(policy: Policy, condition: Condition): Watch | undefined {
  const {conditionThreshold: threshold, name} = condition
  const terms = termsOf(threshold?.filter ?? '')
  if (threshold === undefined || name === undefined || terms === undefined) return undefined
  if (threshold.denominatorFilter || threshold.forecastOptions) return undefined
  const {'metric.type': metricType = '', 'resource.type': type = '', ...labels} = terms
  const [project = ''] = /^projects\/[^/]+/.exec(policy.name) ?? []
  const of = (owner: string) =>
    Object.fromEntries(
      Object.entries(labels).flatMap(([key, value]) =>
        key.startsWith(`${owner}.`) ? [[key.slice(owner.length + 1), value]] : [],
      ),
    )
  const resourceLabels = of('resource')
  const metricLabels = of('metric')
  const {subscription_id: subscription, job_name: job} = resourceLabels
  const subject =
    type === 'pubsub_subscription' && subscription !== undefined
      ? `${project}/subscriptions/${subscription}`
      : type === 'cloud_run_job' && job !== undefined
        ? `${project}/jobs/${job}`
        : undefined
  const given = Object.entries(metricLabels)
    .map((entry) => entry.join('='))
    .join()
  const metric = METRICS.find(({type: known, labels: expected}) => known === metricType && expected === given)
  if (subject === undefined || metric === undefined) return undefined
  const value = threshold.thresholdValue ?? 0
  const [comparison, fits] =
    metric.metric === 'acknowledged'
      ? ['COMPARISON_LT', value > 0 && value <= 1]
      : ['COMPARISON_GT', metric.metric !== 'failed' || value === 0]
  if (threshold.comparison !== comparison || !fits) return undefined
  return {
    policy,
    name,
    condition,
    metric,
    subject,
    resource: {type, labels: {project_id: project.replace('projects/', ''), ...resourceLabels}},
    metricLabels,
    threshold: value,
    windowMs: milliseconds(threshold.aggregations?.[0]?.alignmentPeriod ?? '60s'),
    durationMs: milliseconds(threshold.duration ?? '0s'),
  }
}

/** Whether a condition is met, by what is known now. */
export function evaluate({metric, threshold, windowMs}: Watch, facts: Facts, now: number): Evaluation {
  const {messages = 0, oldest, acknowledged = -Infinity, failed = -Infinity} = facts
  const kind = metric.metric
  if (kind === 'undelivered') return {met: messages > threshold, value: messages}
  if (kind === 'age') {
    if (oldest === undefined) return {met: false, value: 0}
    const ageMs = now - oldest
    const met = ageMs > threshold * 1000
    return {met, value: ageMs / 1000, ...(met ? {} : {changesInMs: threshold * 1000 - ageMs + 1})}
  }
  const leftMs = (kind === 'failed' ? failed : acknowledged) + windowMs - now
  return {
    met: leftMs > 0 === (kind === 'failed'),
    value: leftMs > 0 ? 1 : 0,
    ...(leftMs > 0 ? {changesInMs: leftMs} : {}),
  }
}

/**
 * The comparisons of a filter, with `resource.label.x` and `resource.labels."x"` as `resource.x`; `undefined` for a
 * filter of another form: https://cloud.google.com/monitoring/api/v3/filters
 */
function termsOf(filter: string): Record<string, string> | undefined {
  const terms: Record<string, string> = {}
  const rest = filter.replaceAll(
    /([a-z][\w.]*(?:"[\w]+")?)\s*=\s*"([^"\\]*)"/g,
    (_term, key: string, value: string) => {
      terms[key.replaceAll('"', '').replace(/\.labels?\./, '.')] = value
      return ' '
    },
  )
  return /^(?:\s|\bAND\b)*$/.test(rest) ? terms : undefined
}

function milliseconds(duration: string): number {
  return Number.parseFloat(duration) * 1000
}
