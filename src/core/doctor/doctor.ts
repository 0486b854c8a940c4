import {type Context} from '../ports/context.ts'
import {servingImage} from '../service/job.ts'
import {sharesOf} from '../service/traffic.ts'
import {failureAdvice, failureText, readRecentDeliveries} from '../service/recent-deliveries.ts'
import type {Settings} from '../settings/settings.ts'
import type {Grant, PlannedResource} from '../ports/infrastructure.ts'
import type {ServiceState} from '../ports/services.ts'
import {withModel, type PlannedModel} from '../model/plan-model.ts'
import {checkChannels} from './channels.ts'
import type {Check} from './check.ts'
import {checkCloudBuild} from './cloud-build.ts'
import {command, suggest, type Suggestion} from '../suggestion.ts'
import {gcloudFor} from '../gcloud.ts'
import {checkGiven} from './given.ts'
import {checkPrerequisites} from './prerequisites.ts'
import {checkPushTokens} from './push-tokens.ts'

export interface DoctorResult {
  readonly checks: readonly Check[]
  readonly failed: number
}

export interface DoctorRequest {
  /** Absolute folder of a custom worker; `undefined` for the packaged one. */
  readonly workerFolder: string | undefined
  /** The model that the pipeline's setting names. */
  readonly model: PlannedModel | undefined
  /** Finds Terraform's version; throws if it is not installed. */
  readonly terraform: () => Promise<string>
}

/** Without these, the pipeline cannot be examined. */
const STOPS: ReadonlySet<string> = new Set(['credentials', 'project', 'APIs'])

/** Checks the prerequisites on Google Cloud, then on either target every resource and grant; changes nothing. */
export async function doctor(
  {workerFolder, model, terraform}: DoctorRequest,
  context: Context,
): Promise<DoctorResult> {
  const isGoogle = context.pipeline.settings.target === 'gcp'
  const first = isGoogle ? await checkPrerequisites(context, terraform) : []
  if (first.some(({name, state}) => state === 'failed' && STOPS.has(name))) return doctorResult(first)
  if (isGoogle) first.push(...(await checkCloudBuild(workerFolder, context)))
  const given = await checkGiven(context)
  if (given.some(({state}) => state === 'failed')) return doctorResult([...first, ...given])
  const found = await examinePipeline(await withModel(model, context))
  const ofGoogle = isGoogle ? [...(await checkChannels(context)), ...(await checkPushTokens(context))] : []
  return doctorResult([...first, ...given, ...found, ...ofGoogle])
}

/** Result of a list of checks. */
export function doctorResult(checks: readonly Check[]): DoctorResult {
  return {checks, failed: checks.filter(({state}) => state === 'failed').length}
}

/**
 * Inspects every resource and grant of the pipeline through Google's APIs, however they were created, and the service;
 * changes nothing.
 */
export async function examinePipeline(context: Context): Promise<Check[]> {
  const {cloud, pipeline, signal, step} = context
  step('Inspect the service')
  const {names, settings} = pipeline
  const service = await cloud.services.get(names.service)
  const image = service?.image || `${names.image}@none`
  step('Inspect every resource and grant')
  const resources = await cloud.inspection.plan(
    {...pipeline, livenessPort: service?.livenessPort},
    {image, signal},
  )
  if (resources.every(({action}) => action === 'create')) {
    const detail = `${settings.name} does not exist yet`
    return [{name: 'pipeline', state: 'failed', detail, fix: suggest`${command('setup')}`}]
  }
  const missing = new Set(
    resources.filter(({action}) => action === 'create').map(({kind, name}) => `${kind} ${name}`),
  )
  const checks = resources.map((resource) => checkOf(resource, missing, settings))
  return service === undefined ? checks : [...checks, ...(await examineDeployment(service, context))]
}

/** What deployments change; a plan does not cover it. */
async function examineDeployment(service: ServiceState, context: Context): Promise<Check[]> {
  const {cloud, pipeline} = context
  const checks: Check[] = []
  if (!service.ready) {
    checks.push({
      name: 'revision',
      state: 'failed',
      detail: `${service.latestCreatedRevision ?? service.name} is not ready: ${service.problem ?? 'no reason was given'}`,
      fix: suggest`${command('logs', '--severity', 'error', '--since', '1h')}`,
    })
  }
  const {job} = pipeline.names
  const [serving, ofJob] = await Promise.all([servingImage(service, context), cloud.jobs.image(job)])
  if (serving !== undefined && ofJob !== undefined && serving !== ofJob) {
    checks.push({
      name: 'job',
      state: 'failed',
      detail: `${job} runs a different image than the revision that has the traffic`,
      fix: suggest`${command('setup')}`,
    })
  }
  const revisions = sharesOf(service).map(({revision}) => revision)
  const recent = revisions.length === 0 ? undefined : await readRecentDeliveries(revisions, context)
  for (const revision of recent?.failing ?? [])
    checks.push({
      name: 'deliveries',
      state: 'failed',
      detail: failureText(revision),
      fix: failureAdvice(revision),
    })
  return checks
}

/** @param missing resources, as `kind name`: a grant on one of them cannot be added yet */
function checkOf(resource: PlannedResource, missing: ReadonlySet<string>, settings: Settings): Check {
  const {kind, name, action, grant} = resource
  if (action === 'none') return {name: kind, state: 'ok', detail: name}
  return {
    name: kind,
    state: 'failed',
    detail: `${name} is ${action === 'create' ? 'missing' : 'not configured correctly'}`,
    fix:
      (grant && !missing.has(`${grant.on.kind} ${grant.on.name}`)
        ? grantCommand(grant, settings)
        : undefined) ?? suggest`${command('setup')}`,
  }
}

/** The gcloud command that adds a grant; on the local target, sent to the local cloud. */
function grantCommand(grant: Grant, settings: Settings): Suggestion | undefined {
  const typed = gcloudCommand(grant, settings)
  return typed === undefined ? undefined : gcloudFor(settings, typed)
}

function gcloudCommand({role, member, on}: Grant, {project, region}: Settings): string | undefined {
  const binding = `add-iam-policy-binding ${on.kind === 'bucket' ? `gs://${on.name}` : on.name} --member=${member} --role=${role}`
  switch (on.kind) {
    case 'bucket':
      return `gcloud storage buckets ${binding}`
    case 'topic':
      return `gcloud pubsub topics ${binding} --project=${project}`
    case 'subscription':
      return `gcloud pubsub subscriptions ${binding} --project=${project}`
    case 'service':
      return `gcloud run services ${binding} --project=${project} --region=${region}`
    case 'job':
      return `gcloud run jobs ${binding} --project=${project} --region=${region}`
    case 'secret':
      return `gcloud secrets ${binding} --project=${project}`
    default:
      return undefined
  }
}
