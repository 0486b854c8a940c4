import {isDeepStrictEqual} from 'node:util'

type Json = Record<string, unknown>

/** A role for a member on one resource. */
export interface GrantFound {
  /** `bucket x`, `topic x`, `project x` … */
  readonly on: string
  readonly role: string
  readonly member: string
}

/** Everything of a project on a local cloud, by kind and name, with all policies. */
export interface Inventory {
  readonly resources: Readonly<Record<string, Json>>
  readonly grants: readonly GrantFound[]
}

/** Where the resources of a kind are listed, and where the policy of one is read. */
interface Kind {
  readonly kind: string
  readonly list: string
  readonly member: string
  readonly name: (item: Json) => string
  readonly policy?: (item: Json) => {path: string; method: 'GET' | 'POST'}
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const last = (value: unknown): string => text(value).split('/').at(-1) ?? ''

function kindsOf(project: string, region: string): Kind[] {
  const location = `projects/${project}/locations/${region}`
  const verb = (version: string) => (item: Json) => ({
    path: `/${version}/${text(item['name'])}:getIamPolicy`,
    method: 'GET' as const,
  })
  return [
    {
      kind: 'bucket',
      list: `/storage/v1/b?project=${project}`,
      member: 'items',
      name: ({name}) => text(name),
      policy: ({name}) => ({path: `/storage/v1/b/${text(name)}/iam`, method: 'GET'}),
    },
    {
      kind: 'topic',
      list: `/v1/projects/${project}/topics`,
      member: 'topics',
      name: ({name}) => last(name),
      policy: verb('v1'),
    },
    {
      kind: 'subscription',
      list: `/v1/projects/${project}/subscriptions`,
      member: 'subscriptions',
      name: ({name}) => last(name),
      policy: verb('v1'),
    },
    {
      kind: 'secret',
      list: `/v1/projects/${project}/secrets`,
      member: 'secrets',
      name: ({name}) => last(name),
      policy: verb('v1'),
    },
    {
      kind: 'service account',
      list: `/v1/projects/${project}/serviceAccounts`,
      member: 'accounts',
      name: ({email}) => text(email),
      policy: ({name}) => ({path: `/v1/${text(name)}:getIamPolicy`, method: 'POST'}),
    },
    {
      kind: 'repository',
      list: `/v1/${location}/repositories`,
      member: 'repositories',
      name: ({name}) => last(name),
      policy: verb('v1'),
    },
    {
      kind: 'service',
      list: `/v2/${location}/services`,
      member: 'services',
      name: ({name}) => last(name),
      policy: verb('v2'),
    },
    {
      kind: 'job',
      list: `/v2/${location}/jobs`,
      member: 'jobs',
      name: ({name}) => last(name),
      policy: verb('v2'),
    },
  ]
}

/** Reads all that a project has, the policies of every resource and of the project included. */
export async function takeInventory(
  endpoint: string,
  {project, region}: {project: string; region: string},
): Promise<Inventory> {
  const resources: Record<string, Json> = {}
  const grants: GrantFound[] = []
  const ask = async (path: string, method = 'GET'): Promise<Json | undefined> => {
    const response = await fetch(`${endpoint}${path}`, {method})
    const body = await response.text()
    if (response.status === 400 && body.includes('UNIMPLEMENTED')) return undefined
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${body}`)
    return fieldsOf(JSON.parse(body))
  }
  const readGrants = async (on: string, path: string, method: string): Promise<void> => {
    const policy = await ask(path, method)
    for (const binding of listIn(policy, 'bindings')) {
      for (const member of Array.isArray(binding['members']) ? binding['members'] : []) {
        // Cloud Storage itself grants these on a new bucket without uniform access.
        if (/^project(?:Owner|Editor|Viewer):/.test(String(member))) continue
        grants.push({on, role: text(binding['role']), member: String(member)})
      }
    }
  }
  for (const {kind, list, member, name, policy} of kindsOf(project, region)) {
    for (const item of listIn(await ask(list), member)) {
      const title = `${kind} ${name(item)}`
      resources[title] = item
      const where = policy?.(item)
      if (where) await readGrants(title, where.path, where.method)
      if (kind !== 'bucket') continue
      const configs = await ask(`/storage/v1/b/${name(item)}/notificationConfigs`)
      for (const config of listIn(configs, 'items')) {
        resources[`notification ${name(item)} → ${last(config['topic'])}`] = config
      }
    }
  }
  await readGrants(`project ${project}`, `/v1/projects/${project}:getIamPolicy`, 'POST')
  const key = ({on, role, member}: GrantFound): string => `${on} ${role} ${member}`
  return {resources, grants: grants.toSorted((a, b) => (key(a) < key(b) ? -1 : 1))}
}

/** Members of a resource itself that need not be the same twice. */
const OWN = new Set([
  'id',
  'selfLink',
  'uid',
  'uniqueId',
  'oauth2ClientId',
  'sizeBytes',
  'creator',
  'lastModifier',
])
/** Members at any depth that need not: times, counters, and who did it. */
const INCIDENTAL = new Set([
  'createTime',
  'updateTime',
  'timeCreated',
  'updated',
  'effectiveTime',
  'etag',
  'generation',
  'metageneration',
  'observedGeneration',
  'client',
  'clientVersion',
  'lastTransitionTime',
])
const PROVISIONED = 'goog-terraform-provisioned'

/** A resource without what is incidental; addresses of this machine are `ORIGIN`, revisions lose their suffix. */
function essence(value: unknown): unknown {
  // Terraform sends variables in an order of its own.
  if (Array.isArray(value)) return value.map(essence).toSorted((a, b) => nameOf(a).localeCompare(nameOf(b)))
  if (typeof value === 'string') {
    return value
      .replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, 'ORIGIN')
      .replaceAll(/(-\d{5})-[a-z0-9]{3}\b/g, '$1')
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, member]) => !INCIDENTAL.has(key) && key !== PROVISIONED && !isNoRule(key, member))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, essence(member)]),
  )
}

function nameOf(value: unknown): string {
  return text(fieldsOf(value)['name'])
}

/** What the provider sends for a bucket without lifecycle rules. */
function isNoRule(key: string, value: unknown): boolean {
  return key === 'lifecycle' && isDeepStrictEqual(value, {rule: []})
}

/** Resources whose essence differs, or which only one side has. */
export function differences(
  left: Inventory,
  right: Inventory,
): Record<string, {left: unknown; right: unknown}> {
  const titles = new Set([...Object.keys(left.resources), ...Object.keys(right.resources)])
  const found: Record<string, {left: unknown; right: unknown}> = {}
  for (const title of titles) {
    const pair = {
      left: essence(withoutOwn(left.resources[title])),
      right: essence(withoutOwn(right.resources[title])),
    }
    if (!isDeepStrictEqual(pair.left, pair.right)) found[title] = pair
  }
  return found
}

function withoutOwn(resource: Json = {}): Json {
  return Object.fromEntries(Object.entries(resource).filter(([key]) => !OWN.has(key)))
}

function fieldsOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? {...value} : {}
}

function listIn(value: Json | undefined, member: string): Json[] {
  const list = value?.[member]
  return Array.isArray(list) ? list.map(fieldsOf) : []
}
