import type {ServiceAgents} from '../iam/access.ts'
import type {LogSink} from '../logging/log-sink.ts'
import type {Clock, Timer} from '../wire/clock.ts'
import type {IncidentReport} from './incidents.ts'
import type {Channel} from './resources.ts'
import type {MonitoringStore} from './store.ts'

/** Waits before a webhook that failed is called again. */
const RETRIES_MS = [1000, 10_000, 60_000]
const ANSWER_MS = 10_000

type Payload = ReturnType<typeof payloadOf>

export interface Notifications extends AsyncDisposable {
  send(report: IncidentReport): void
}

/** Calls the webhooks of a policy; what would go to other channels is only logged. */
export function createNotifications({
  clock,
  store,
  agents,
  log,
}: {
  clock: Clock
  store: MonitoringStore
  agents: Pick<ServiceAgents, 'projectNumber'>
  log: LogSink
}): Notifications {
  const stop = new AbortController()
  const calls = new Set<Promise<void>>()
  const timers = new Set<Timer>()

  const note = (project: string, severity: 'INFO' | 'ERROR', textPayload: string): void =>
    log.append([
      {
        logName: `projects/${project}/logs/monitoring.googleapis.com%2Fnotifications`,
        resource: {type: 'global', labels: {project_id: project}},
        severity,
        textPayload,
      },
    ])

  const call = async (url: string, body: Payload, project: string, attempt = 0): Promise<void> => {
    const problem = await post(url, body, stop.signal)
    const {summary} = body.incident
    if (stop.signal.aborted) return
    if (problem === undefined) {
      note(project, 'INFO', `Sent to ${url}: ${summary}`)
      return
    }
    const waitMs = RETRIES_MS[attempt]
    const next = waitMs === undefined ? 'Gave up' : `Trying again in ${waitMs / 1000} s`
    note(project, 'ERROR', `Not sent to ${url} (${problem}): ${summary} ${next}.`)
    if (waitMs === undefined) return
    const timer = clock.after(waitMs, () => {
      timers.delete(timer)
      keep(call(url, body, project, attempt + 1))
    })
    timers.add(timer)
  }
  const keep = (work: Promise<void>): void => {
    const kept = work.finally(() => calls.delete(kept))
    calls.add(kept)
  }

  const sendTo = ({type, labels = {}, enabled}: Channel, report: IncidentReport): void => {
    if (!enabled) return
    const project = report.watch.resource.labels['project_id'] ?? ''
    const body = payloadOf(report, agents.projectNumber(project))
    if (type === 'webhook_tokenauth') keep(call(labels['url'] ?? '', body, project))
    else {
      const whom = labels['email_address'] ?? labels['channel_name'] ?? ''
      note(project, 'INFO', `Would have been sent to ${type} ${whom}: ${body.incident.summary}`)
    }
  }

  return {
    send(report) {
      for (const name of report.watch.policy.notificationChannels ?? []) {
        const channel = store.channel(name)
        if (channel) sendTo(channel, report)
      }
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      for (const timer of timers) timer.clear()
      await Promise.all(calls)
    },
  }
}

/** @returns what went wrong, or `undefined` after an answer of 2xx */
async function post(url: string, body: object, signal: AbortSignal): Promise<string | undefined> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {'content-type': 'application/json', 'user-agent': 'Google-Alerts'},
      body: JSON.stringify(body),
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
    })
    await response.body?.cancel()
    return response.ok ? undefined : `answered ${response.status}`
  } catch (error) {
    return error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
  }
}

/** Version 1.2 of https://cloud.google.com/monitoring/support/notification-options#schema-pubsub */
function payloadOf({watch, incident, ended, value}: IncidentReport, projectNumber: string) {
  const {policy, condition, metric, resource, threshold} = watch
  const project = resource.labels['project_id'] ?? ''
  const name = resource.labels['subscription_id'] ?? resource.labels['job_name'] ?? ''
  const side = metric.metric === 'acknowledged' ? 'below' : 'above'
  const is = ended === undefined ? `is ${side}` : `returned to normal; it was ${side}`
  return {
    version: '1.2',
    incident: {
      incident_id: incident.id,
      scoping_project_id: project,
      scoping_project_number: Number(projectNumber),
      url: `https://console.cloud.google.com/monitoring/alerting/incidents/${incident.id}?project=${project}`,
      started_at: Math.floor(incident.started / 1000),
      ended_at: ended === undefined ? null : Math.floor(ended / 1000),
      state: ended === undefined ? 'open' : 'closed',
      summary: `${metric.displayName} for ${project} ${name} ${is} the threshold of ${threshold.toFixed(3)} with a value of ${value.toFixed(3)}.`,
      observed_value: value.toFixed(3),
      threshold_value: String(threshold),
      resource,
      resource_type_display_name:
        resource.type === 'cloud_run_job' ? 'Cloud Run Job' : 'Cloud Pub/Sub Subscription',
      resource_id: '',
      resource_display_name: name,
      resource_name: `${project} ${name}`,
      metric: {type: metric.type, displayName: metric.displayName, labels: watch.metricLabels},
      metadata: {system_labels: {}, user_labels: {}},
      policy_name: policy.displayName,
      policy_user_labels: policy.userLabels ?? {},
      ...(policy.severity === undefined || policy.severity === 'SEVERITY_UNSPECIFIED'
        ? {}
        : {severity: policy.severity.charAt(0) + policy.severity.slice(1).toLowerCase()}),
      ...(policy.documentation === undefined
        ? {}
        : {
            documentation: {
              content: policy.documentation.content,
              mime_type: policy.documentation.mimeType ?? 'text/markdown',
              subject: policy.documentation.subject ?? '',
            },
          }),
      condition,
      condition_name: condition.displayName,
    },
  }
}
