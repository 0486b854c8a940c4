import {ownBuckets} from '../settings/pipeline.ts'
import type {Context} from '../ports/context.ts'
import {AppError} from '../errors.ts'
import {checkBudget} from './budget.ts'
import type {Check} from './check.ts'
import {checkNeeds, needsOf} from './needs.ts'
import {Advice, suggest, synopsis, type Suggestion} from '../suggestion.ts'

/** What Terraform needs before it can enable the other APIs itself. */
export const FIRST_APIS = ['cloudresourcemanager.googleapis.com', 'serviceusage.googleapis.com']

/**
 * Checks what a pipeline on Google Cloud requires before it can be created. Skips checks that an earlier failure makes
 * pointless.
 */
export async function checkPrerequisites(
  context: Context,
  terraform: () => Promise<string>,
): Promise<Check[]> {
  const {cloud, pipeline, step} = context
  const {project, region} = pipeline.settings
  const checks: Check[] = []
  const fail = (name: string, detail: string, fix: Suggestion): void => {
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

  step(`Inspect project ${project}`)
  const state = await cloud.project.state()
  if (state === undefined) {
    fail(
      'project',
      `${project} does not exist (setup --create-project creates it), ${principal} may not see it, or its Cloud Resource Manager API is disabled`,
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
    good(
      'billing',
      state.billing === undefined ? `${principal} may not see it; assumed to be enabled` : 'enabled',
    )

  try {
    const apis = await cloud.project.enabledApis()
    const missing = FIRST_APIS.filter((api) => !apis.has(api))
    if (missing.length > 0) {
      const names = missing.join(' ')
      fail('APIs', `disabled: ${missing.join(', ')}`, `gcloud services enable ${names} --project ${project}`)
    } else good('APIs', 'those that Terraform needs to enable the others are enabled')
  } catch (error) {
    checks.push(failedBy('APIs', error))
  }

  step('Check permissions')
  checks.push(
    ...(await checkNeeds(
      needsOf(pipeline.settings),
      {name: 'permissions', granted: 'may create everything'},
      context,
    )),
    ...(await checkBudget(state, context)),
  )

  step('Check names')
  for (const bucket of ownBuckets(pipeline)) {
    try {
      const owner = await cloud.project.bucketOwner(bucket)
      if (owner === 'other') {
        fail(
          'names',
          `the bucket name ${bucket} is taken by another project: bucket names are globally unique`,
          suggest`${synopsis('setup', '--project', project, '--region', region, '--pipeline', 'OTHER-NAME')}`,
        )
      } else good('names', `${bucket} ${owner === 'free' ? 'is free' : 'belongs to this project'}`)
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
    ['The pipeline cannot be created yet:', ...failed.map(({name, detail}) => `  ${name}: ${detail}`)].join(
      '\n',
    ),
    {code: 'prerequisites-missing', suggestions: failed.flatMap(({fix}) => fix ?? [])},
  )
}

function failedBy(name: string, error: unknown): Check {
  if (!(error instanceof AppError)) throw error
  // `Sign in: gcloud …`: the command follows the label.
  const [first] = error.suggestions
  const fix = first instanceof Advice ? new Advice(first.parts.slice(1)) : first?.replace(/^[^:]*: /, '')
  return {name, state: 'failed', detail: error.message, fix}
}
