import {fieldsOf} from '../../core/json.ts'
import type {Grant, PlannedResource} from '../../core/ports/infrastructure.ts'

type Fields = Readonly<Record<string, unknown>>

/** A planned resource, with its address in the module. */
export interface AddressedResource extends PlannedResource {
  readonly address: string
}

interface Change {
  readonly address: string
  readonly type: string
  readonly actions: readonly string[]
  /** Known attributes: after the change, or before a deletion. */
  readonly values: Fields
  /** What it refers to in the module, by attribute: `google_pubsub_topic.uploads.id` … */
  readonly references: Readonly<Record<string, readonly string[]>>
}

/** Google's words for the module's resource types, in display order. */
const KINDS: Readonly<Record<string, {kind: string; name: string}>> = {
  google_project_service: {kind: 'API', name: 'service'},
  google_artifact_registry_repository: {kind: 'repository', name: 'repository_id'},
  google_storage_bucket: {kind: 'bucket', name: 'name'},
  google_pubsub_topic: {kind: 'topic', name: 'name'},
  google_pubsub_subscription: {kind: 'subscription', name: 'name'},
  google_storage_notification: {kind: 'notification', name: 'bucket'},
  google_service_account: {kind: 'service account', name: 'account_id'},
  google_cloud_run_v2_service: {kind: 'service', name: 'name'},
  google_cloud_run_v2_job: {kind: 'job', name: 'name'},
  google_monitoring_notification_channel: {kind: 'notification channel', name: 'display_name'},
  google_monitoring_alert_policy: {kind: 'alert policy', name: 'display_name'},
  google_billing_budget: {kind: 'budget', name: 'display_name'},
}
const ORDER = [...Object.keys(KINDS), 'grant']

/** The target of each grant type: its kind, and the attribute that names it. */
const GRANTS: Readonly<Record<string, {kind: string; attribute: string}>> = {
  google_storage_bucket_iam_member: {kind: 'bucket', attribute: 'bucket'},
  google_pubsub_topic_iam_member: {kind: 'topic', attribute: 'topic'},
  google_pubsub_subscription_iam_member: {kind: 'subscription', attribute: 'subscription'},
  google_cloud_run_v2_service_iam_member: {kind: 'service', attribute: 'name'},
  google_cloud_run_v2_job_iam_member: {kind: 'job', attribute: 'name'},
  google_secret_manager_secret_iam_member: {kind: 'secret', attribute: 'secret_id'},
  google_service_account_iam_member: {kind: 'service account', attribute: 'service_account_id'},
  google_artifact_registry_repository_iam_member: {kind: 'repository', attribute: 'repository'},
}

/** Names of service agents are known only after a request to the project. */
const AGENTS: Readonly<Record<string, string>> = {
  'local.storage_agent': 'the Cloud Storage service agent',
  'local.pubsub_agent': 'the Pub/Sub service agent',
}

/**
 * The resources of a plan, from `terraform show -json`, https://developer.hashicorp.com/terraform/internals/json-format.
 * Names that Google assigns on creation come from the module's references.
 */
export function plannedResources(plan: unknown, project: string): AddressedResource[] {
  const changes = changesIn(plan)
  const byAddress = new Map(changes.map((change) => [change.address, change]))
  return changes
    .map((change) => ({change, order: ORDER.indexOf(change.type in GRANTS ? 'grant' : change.type)}))
    .toSorted((a, b) => a.order - b.order)
    .map(({change}) => describe(change, byAddress, project))
}

function describe(
  change: Change,
  byAddress: ReadonlyMap<string, Change>,
  project: string,
): AddressedResource {
  const {address, type, values} = change
  const common = {address, action: actionOf(change.actions)}
  const on = GRANTS[type]
  if (on !== undefined) {
    const grant: Grant = {
      role: textOf(values['role']) ?? '',
      member: textOf(values['member']) ?? memberOf(change, byAddress, project),
      on: {kind: on.kind, name: referred(change, on.attribute, byAddress, project)},
    }
    return {
      ...common,
      kind: 'grant',
      name: `${grant.role} on ${grant.on.kind} ${grant.on.name} to ${grant.member}`,
      grant,
    }
  }
  const kind = KINDS[type]?.kind ?? type.replace(/^google_/, '').replaceAll('_', ' ')
  return {...common, kind, name: nameOf(change, byAddress, project)}
}

function nameOf(change: Change, byAddress: ReadonlyMap<string, Change>, project: string): string {
  const {type, values, address} = change
  if (type === 'google_storage_notification') {
    const end = (attribute: string) => referred(change, attribute, byAddress, project)
    return `${end('bucket')} → ${end('topic')}`
  }
  const name = textOf(values[KINDS[type]?.name ?? 'name'])
  if (name === undefined) return address
  return type === 'google_service_account' ? `${name}@${project}.iam.gserviceaccount.com` : name
}

/** Short name of the resource that an attribute names, by value or by reference. */
function referred(
  change: Change,
  attribute: string,
  byAddress: ReadonlyMap<string, Change>,
  project: string,
): string {
  const value = textOf(change.values[attribute])
  if (value !== undefined) return value.slice(value.lastIndexOf('/') + 1)
  const target = targetOf(change, attribute, byAddress)
  return target === undefined ? '(known after apply)' : nameOf(target, byAddress, project)
}

function memberOf(change: Change, byAddress: ReadonlyMap<string, Change>, project: string): string {
  const target = targetOf(change, 'member', byAddress)
  if (target !== undefined) return `serviceAccount:${nameOf(target, byAddress, project)}`
  const agent = change.references['member']?.map((reference) => AGENTS[reference]).find(Boolean)
  return agent ?? '(known after apply)'
}

function targetOf(
  change: Change,
  attribute: string,
  byAddress: ReadonlyMap<string, Change>,
): Change | undefined {
  return change.references[attribute]?.map((reference) => byAddress.get(reference)).find(Boolean)
}

function actionOf(actions: readonly string[]): PlannedResource['action'] {
  if (actions.includes('create')) return actions.includes('delete') ? 'replace' : 'create'
  if (actions.includes('delete')) return 'delete'
  return actions.includes('update') ? 'update' : 'none'
}

/** Managed resources only: data sources are read, not created. */
function changesIn(plan: unknown): Change[] {
  const {resource_changes: list, configuration} = fieldsOf(plan)
  const configured = new Map(
    listOf(fieldsOf(fieldsOf(configuration)['root_module'])['resources']).map((resource) => [
      textOf(resource['address']) ?? '',
      referencesIn(resource['expressions']),
    ]),
  )
  return listOf(list).flatMap((resource) => {
    const address = textOf(resource['address'])
    const type = textOf(resource['type'])
    if (address === undefined || type === undefined || resource['mode'] !== 'managed') return []
    const {actions, before, after} = fieldsOf(resource['change'])
    return [
      {
        address,
        type,
        actions: Array.isArray(actions) ? actions.map(String) : [],
        values: fieldsOf(after ?? before),
        references: configured.get(address.replace(/\[[^\]]*\]$/, '')) ?? {},
      },
    ]
  })
}

function referencesIn(expressions: unknown): Record<string, readonly string[]> {
  return Object.fromEntries(
    Object.entries(fieldsOf(expressions)).flatMap(([attribute, expression]) => {
      const {references} = fieldsOf(expression)
      return Array.isArray(references) ? [[attribute, references.map(String)]] : []
    }),
  )
}

function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : []
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
