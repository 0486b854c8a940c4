import type {Context} from '../ports/context.ts'
import type {Check} from './check.ts'

const name = 'alerts'

/** Checks that the channel for Slack, which Google's console creates, exists. */
export async function checkGivenChannel({cloud, pipeline}: Context): Promise<Check[]> {
  const {alerts, project} = pipeline.settings
  const slack = alerts['slack']
  if (slack === undefined) return []
  const channels = await cloud.inspection.channels(pipeline)
  if (channels === undefined) return [{name, state: 'ok', detail: `${slack}, which cannot be checked`}]
  if (channels.some((channel) => channel.name === slack)) return [{name, state: 'ok', detail: slack}]
  const detail = `there is no notification channel ${slack}, which alerts.slack names; this page creates one`
  return [{name, state: 'failed', detail, fix: pageOf(project)}]
}

/** Checks that the channels of the alerts work: Google sends nothing to one that waits for verification. */
export async function checkChannels({cloud, pipeline, step}: Context): Promise<Check[]> {
  const {alerts, project} = pipeline.settings
  if (Object.keys(alerts).length === 0) return []
  step('Inspect the notification channels')
  return ((await cloud.inspection.channels(pipeline)) ?? []).map((channel): Check => {
    if (channel.works) return {name, state: 'ok', detail: channel.name}
    const detail = `${channel.name} is not verified, so Google sends nothing to it; this page sends a code and takes it`
    return {name, state: 'failed', detail, fix: pageOf(project)}
  })
}

function pageOf(project: string): string {
  return `https://console.cloud.google.com/monitoring/alerting/notifications?project=${project}`
}
