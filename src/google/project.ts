import {AppError} from '../core/errors.ts'
import {isJsonObject} from '../core/json.ts'
import {PIPELINE_LABEL} from '../core/settings/pipeline.ts'
import {KEY_USER, type Project} from '../core/ports/project.ts'
import type {Connection} from './connection.ts'
import {toCredentialsError} from './credentials-error.ts'
import {settled} from './infrastructure/operation.ts'
import {readServiceAgents} from './infrastructure/service-agents.ts'
import {objectsIn, readPages, textIn, type Json, type Rest} from './rest.ts'

/** On a project that `setup --create-project` created; its value is the pipeline's name. No other is ever deleted. */
const MADE_FOR_LABEL = 'created-by-cloud-runner'
/** Limit of services.batchEnable: https://cloud.google.com/service-usage/docs/reference/rest/v1/services/batchEnable */
const APIS_AT_ONCE = 20

/** Either lets the Pub/Sub agent create push tokens. */
const SIGNING_ROLES: ReadonlySet<string> = new Set([
  'roles/pubsub.serviceAgent',
  'roles/iam.serviceAccountTokenCreator',
])

/** Resource Manager, Service Usage and Cloud Billing, for the prerequisites of a pipeline. */
export function createProject({projectId, endpoint}: Connection, rest: Rest): Project {
  /** `undefined` if the caller lacks the permission, or the API is disabled. */
  async function ifAllowed<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      const may = ['permission-denied', 'api-disabled', 'not-implemented', 'not-found']
      if (error instanceof AppError && may.includes(error.code)) return undefined
      throw error
    }
  }

  return {
    async principal() {
      if (endpoint !== undefined) return 'the owner of the local cloud'
      try {
        const {GoogleAuth} = await import('google-auth-library')
        const auth = new GoogleAuth({scopes: 'https://www.googleapis.com/auth/cloud-platform'})
        const client = await auth.getClient()
        const {token} = await client.getAccessToken()
        const {client_email: email} = await auth.getCredentials()
        if (email !== undefined) return `serviceAccount:${email}`
        const response = await fetch('https://oauth2.googleapis.com/tokeninfo', {
          method: 'POST',
          body: new URLSearchParams({access_token: token ?? ''}),
          signal: AbortSignal.timeout(10_000),
        })
        const answer: Json = Object(await response.json())
        const user = textIn(answer, 'email')
        return user === undefined ? 'credentials without a name' : `user:${user}`
      } catch (error) {
        throw toCredentialsError(error)
      }
    },

    async state() {
      // Google also answers 403 for a project that does not exist.
      const project = await ifAllowed(() => rest.get('cloudresourcemanager', `/v1/projects/${projectId}`))
      if (project === undefined) return undefined
      const billing = await ifAllowed(() => rest.get('cloudbilling', `/v1/projects/${projectId}/billingInfo`))
      return {
        number: textIn(project, 'projectNumber') ?? '',
        active: textIn(project, 'lifecycleState') === 'ACTIVE',
        billing: billing && billing['billingEnabled'] === true,
        billingAccount: textIn(billing, 'billingAccountName')?.replace(/^billingAccounts\//, '') || undefined,
        madeFor: labelOf(project, MADE_FOR_LABEL),
        createdAt: textIn(project, 'createTime'),
      }
    },

    async enabledApis() {
      const path = `/v1/projects/${projectId}/services?filter=state:ENABLED&pageSize=200`
      const services = await readPages(rest, 'serviceusage', path, 'services')
      return new Set(services.map((service) => (textIn(service, 'name') ?? '').replace(/^.*\//, '')))
    },

    async missingPermissions(permissions, billingAccount) {
      const [service, on] =
        billingAccount === undefined
          ? (['cloudresourcemanager', `projects/${projectId}`] as const)
          : (['cloudbilling', `billingAccounts/${billingAccount}`] as const)
      const answer = await ifAllowed(() =>
        rest.request(service, 'POST', `/v1/${on}:testIamPermissions`, {permissions}),
      )
      if (answer === undefined) return undefined
      const held = answer['permissions']
      const names = new Set(Array.isArray(held) ? held.map(String) : [])
      return permissions.filter((permission) => !names.has(permission))
    },

    async bucketOwner(bucket) {
      let page = await rest.request('storage', 'GET', `/storage/v1/b?project=${projectId}&prefix=${bucket}`)
      if (objectsIn(page, 'items').some((item) => textIn(item, 'name') === bucket)) return 'ours'
      try {
        page = (await rest.get('storage', `/storage/v1/b/${bucket}`)) ?? {}
      } catch (error) {
        if (error instanceof AppError && error.code === 'permission-denied') return 'other'
        throw error
      }
      return textIn(page, 'name') === undefined ? 'free' : 'other'
    },

    async bucket(name, permissions) {
      const path = `/storage/v1/b/${name}`
      const bucket = await rest.get('storage', path)
      if (bucket === undefined) return undefined
      const query = permissions.map((permission) => `permissions=${permission}`).join('&')
      const {permissions: held} =
        permissions.length === 0
          ? {}
          : await rest.request('storage', 'GET', `${path}/iam/testPermissions?${query}`)
      const names = new Set(Array.isArray(held) ? held.map(String) : [])
      const policy = bucket['retentionPolicy']
      const seconds = isJsonObject(policy) ? textIn(policy, 'retentionPeriod') : undefined
      return {
        retentionSeconds: seconds === undefined ? undefined : Number(seconds),
        holdsNewObjects: bucket['defaultEventBasedHold'] === true,
        keepsVersions: isJsonObject(bucket['versioning']) && bucket['versioning']['enabled'] === true,
        missingPermissions: permissions.filter((permission) => !names.has(permission)),
      }
    },

    async pubsubAgent() {
      return (await readServiceAgents(rest, projectId)).pubsub
    },

    async pubsubAgentMaySignFor(account) {
      const member = `serviceAccount:${(await readServiceAgents(rest, projectId)).pubsub}`
      const places = [
        ['cloudresourcemanager', `/v1/projects/${projectId}`],
        ['iam', `/v1/projects/${projectId}/serviceAccounts/${account}`],
      ] as const
      const policies = await Promise.all(
        places.map(([service, path]) =>
          ifAllowed(() => rest.request(service, 'POST', `${path}:getIamPolicy`, {})),
        ),
      )
      const maySign = policies.some((policy) =>
        objectsIn(policy ?? {}, 'bindings').some(
          ({role, members}) =>
            SIGNING_ROLES.has(String(role)) && Array.isArray(members) && members.includes(member),
        ),
      )
      return maySign || (policies.includes(undefined) ? undefined : false)
    },

    async keyUsers(key) {
      const [ring = '', project = ''] = [/^.*(?=\/cryptoKeys\/)/, /^projects\/[^/]+/].map(
        (part) => part.exec(key)?.[0],
      )
      const policies = await Promise.all([
        ifAllowed(() => rest.request('cloudkms', 'GET', `/v1/${key}:getIamPolicy`)),
        ifAllowed(() => rest.request('cloudkms', 'GET', `/v1/${ring}:getIamPolicy`)),
        ifAllowed(() => rest.request('cloudresourcemanager', 'POST', `/v1/${project}:getIamPolicy`, {})),
      ])
      return {
        members: new Set(
          policies
            .flatMap((policy) => objectsIn(policy ?? {}, 'bindings'))
            .filter(({role}) => role === KEY_USER)
            .flatMap(({members}) => (Array.isArray(members) ? members.map(String) : [])),
        ),
        isComplete: !policies.includes(undefined),
      }
    },

    async buckets() {
      const items = await readPages(rest, 'storage', `/storage/v1/b?project=${projectId}`, 'items')
      return items.map((item) => ({
        name: textIn(item, 'name') ?? '',
        pipeline: labelOf(item, PIPELINE_LABEL),
      }))
    },

    async create(madeFor, {signal}) {
      const operation = await rest.request('cloudresourcemanager', 'POST', '/v3/projects', {
        projectId,
        displayName: projectId,
        labels: {[MADE_FOR_LABEL]: madeFor},
      })
      await settled(operation, {rest, service: 'cloudresourcemanager', prefix: '/v3/', signal})
    },

    async billingAccounts() {
      const accounts = await readPages(
        rest,
        'cloudbilling',
        '/v1/billingAccounts?pageSize=100',
        'billingAccounts',
      )
      return accounts
        .filter((account) => account['open'] === true)
        .map((account) => ({
          id: (textIn(account, 'name') ?? '').replace(/^billingAccounts\//, ''),
          name: textIn(account, 'displayName') ?? '',
        }))
    },

    async linkBilling(account) {
      await rest.request('cloudbilling', 'PUT', `/v1/projects/${projectId}/billingInfo`, {
        billingAccountName: `billingAccounts/${account}`,
      })
    },

    async enableApis(apis, {signal}) {
      for (let at = 0; at < apis.length; at += APIS_AT_ONCE) {
        const serviceIds = apis.slice(at, at + APIS_AT_ONCE)
        const path = `/v1/projects/${projectId}/services:batchEnable`
        const operation = await rest.request('serviceusage', 'POST', path, {serviceIds})
        await settled(operation, {rest, service: 'serviceusage', prefix: '/v1/', signal})
      }
    },

    async delete({signal}) {
      const operation = await rest.request('cloudresourcemanager', 'DELETE', `/v3/projects/${projectId}`)
      await settled(operation, {rest, service: 'cloudresourcemanager', prefix: '/v3/', signal})
    },
  }
}

function labelOf(resource: Json, label: string): string | undefined {
  const {labels} = resource
  return isJsonObject(labels) ? textIn(labels, label) : undefined
}
