import type {Context} from '../ports/context.ts'
import type {Settings} from '../settings/settings.ts'
import type {Check} from './check.ts'

/** Permissions on the project, by the role that grants them. */
type Needs = Readonly<Record<string, readonly string[]>>

/** To create and remove a pipeline. */
const PIPELINE: Needs = {
  'roles/storage.admin': ['storage.buckets.create', 'storage.buckets.setIamPolicy'],
  'roles/pubsub.admin': ['pubsub.topics.create', 'pubsub.topics.setIamPolicy', 'pubsub.subscriptions.create'],
  'roles/run.admin': ['run.services.create', 'run.services.setIamPolicy'],
  'roles/artifactregistry.admin': ['artifactregistry.repositories.create'],
  'roles/iam.serviceAccountAdmin': ['iam.serviceAccounts.create'],
  'roles/iam.serviceAccountUser': ['iam.serviceAccounts.actAs'],
  'roles/serviceusage.serviceUsageAdmin': ['serviceusage.services.enable'],
  'roles/logging.viewer': ['logging.logEntries.list'],
}

const ALERTS: Needs = {
  'roles/monitoring.editor': ['monitoring.alertPolicies.create', 'monitoring.notificationChannels.create'],
}

export const CLOUD_BUILD: Needs = {'roles/cloudbuild.builds.editor': ['cloudbuild.builds.create']}

/** What the pipeline of these settings needs. */
export function needsOf({alerts}: Pick<Settings, 'alerts'>): Needs {
  return Object.keys(alerts).length === 0 ? PIPELINE : {...PIPELINE, ...ALERTS}
}

/**
 * Checks that the caller has what is needed.
 * @returns one failed check for each role that is missing
 */
export async function checkNeeds(
  needs: Needs,
  {name, granted}: {readonly name: string; readonly granted: string},
  {cloud, pipeline}: Context,
): Promise<Check[]> {
  const [principal, lacking] = await Promise.all([
    cloud.project.principal(),
    cloud.project.missingPermissions(Object.values(needs).flat()),
  ])
  if (lacking === undefined)
    return [{name, state: 'ok', detail: `${principal} may not check its own; assumed to be sufficient`}]
  if (lacking.length === 0) return [{name, state: 'ok', detail: `${principal} ${granted}`}]
  return Object.entries(needs).flatMap(([role, permissions]): Check[] => {
    const here = permissions.filter((permission) => lacking.includes(permission))
    if (here.length === 0) return []
    const detail = `${principal} lacks ${here.join(', ')}`
    const fix = `gcloud projects add-iam-policy-binding ${pipeline.settings.project} --member=${principal} --role=${role}`
    return [{name, state: 'failed', detail, fix}]
  })
}
