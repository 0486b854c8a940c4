import type {Context} from '../ports/context.ts'
import {AppError} from '../errors.ts'
import type {Check} from './check.ts'

/** What Terraform needs before it can enable the other APIs itself. */
export const FIRST_APIS = ['cloudresourcemanager.googleapis.com', 'serviceusage.googleapis.com']

/** What making and removing a pipeline takes, by the role that a missing one is mended with. */
const PERMISSIONS: Readonly<Record<string, readonly string[]>> = {
  'roles/storage.admin': ['storage.buckets.create', 'storage.buckets.setIamPolicy'],
  'roles/pubsub.admin': ['pubsub.topics.create', 'pubsub.topics.setIamPolicy', 'pubsub.subscriptions.create'],
  'roles/run.admin': ['run.services.create', 'run.services.setIamPolicy'],
  'roles/artifactregistry.admin': ['artifactregistry.repositories.create'],
  'roles/iam.serviceAccountAdmin': ['iam.serviceAccounts.create'],
  'roles/iam.serviceAccountUser': ['iam.serviceAccounts.actAs'],
  'roles/serviceusage.serviceUsageAdmin': ['serviceusage.services.enable'],
  'roles/logging.viewer': ['logging.logEntries.list'],
}

/**
 * What has to be there before a pipeline can be made on Google Cloud. Later checks are left out where an earlier one
 * makes them pointless.
 */
export async function checkPrerequisites(
  {cloud, pipeline, step}: Context,
  terraform: () => Promise<string>,
): Promise<Check[]> {
  const {project, region} = pipeline.settings
  const checks: Check[] = []
  const fail = (name: string, detail: string, fix: string): void => {
    checks.push({name, state: 'failed', detail, fix})
  }
  const good = (name: string, detail: string): void => {
    checks.push({name, state: 'ok', detail})
  }

  step('Look for Terraform')
  await terraform().then(
    (version) => good('Terraform', version),
    (error: unknown) => checks.push(failedBy('Terraform', error)),
  )

  step('Look for credentials')
  let principal: string
  try {
    principal = await cloud.project.principal()
    good('credentials', principal)
  } catch (error) {
    checks.push(failedBy('credentials', error))
    return checks
  }

  step(`Look at project ${project}`)
  const state = await cloud.project.state()
  if (state === undefined) {
    fail(
      'project',
      `${project} is not there (a new one is made by setup --create-project), ${principal} may not see it, or its Cloud Resource Manager API is off`,
      `gcloud services enable ${FIRST_APIS.join(' ')} --project ${project}`,
    )
    return checks
  }
  if (!state.active) {
    fail('project', `${project} is being deleted`, `gcloud projects undelete ${project}`)
    return checks
  }
  good('project', `${project}, number ${state.number}`)
  if (state.billing === false) {
    fail(
      'billing',
      `${project} has no billing account`,
      `gcloud billing projects link ${project} --billing-account ACCOUNT`,
    )
  } else
    good('billing', state.billing === undefined ? `${principal} may not ask; it is taken to be on` : 'on')

  try {
    const apis = await cloud.project.enabledApis()
    const missing = FIRST_APIS.filter((api) => !apis.has(api))
    if (missing.length > 0) {
      const names = missing.join(' ')
      fail('APIs', `off: ${missing.join(', ')}`, `gcloud services enable ${names} --project ${project}`)
    } else good('APIs', 'those that Terraform needs to enable the others are on')
  } catch (error) {
    checks.push(failedBy('APIs', error))
  }

  step('Look at permissions')
  const lacking = await cloud.project.missingPermissions(Object.values(PERMISSIONS).flat())
  if (lacking === undefined)
    good('permissions', `${principal} may not ask for its own; they are taken to be enough`)
  else if (lacking.length === 0) good('permissions', `${principal} may make everything`)
  for (const [role, permissions] of Object.entries(PERMISSIONS)) {
    const here = permissions.filter((permission) => lacking?.includes(permission))
    if (here.length === 0) continue
    fail(
      'permissions',
      `${principal} lacks ${here.join(', ')}`,
      `gcloud projects add-iam-policy-binding ${project} --member=${principal} --role=${role}`,
    )
  }

  step('Look at names')
  for (const bucket of [pipeline.names.inputBucket, pipeline.names.outputBucket]) {
    try {
      const owner = await cloud.project.bucketOwner(bucket)
      if (owner === 'other') {
        fail(
          'names',
          `the bucket name ${bucket} is taken by somebody else: bucket names are unique in the world`,
          `cloud-runner setup --project ${project} --region ${region} --pipeline OTHER-NAME`,
        )
      } else good('names', `${bucket} is ${owner === 'free' ? 'free' : 'of this project'}`)
    } catch (error) {
      checks.push(failedBy('names', error))
    }
  }
  return checks
}

/** @throws AppError `prerequisites-missing` that lists every failed check with its command */
export function requireAll(checks: readonly Check[]): void {
  const failed = checks.filter(({state}) => state === 'failed')
  if (failed.length === 0) return
  throw new AppError(
    [
      'Something is missing before the pipeline can be made:',
      ...failed.map(({name, detail}) => `  ${name}: ${detail}`),
    ].join('\n'),
    {code: 'prerequisites-missing', suggestions: failed.flatMap(({fix}) => fix ?? [])},
  )
}

function failedBy(name: string, error: unknown): Check {
  if (!(error instanceof AppError)) throw error
  // `Sign in: gcloud …`: what is typed comes after the words.
  const fix = error.suggestions[0]?.replace(/^[^:]*: /, '')
  return {name, state: 'failed', detail: error.message, fix}
}
