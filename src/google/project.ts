import {AppError} from '../core/errors.ts'
import type {Project} from '../core/ports.ts'
import type {Connection} from './connection.ts'
import {toAppError} from './errors.ts'
import {objectsIn, textIn, type Json, type Rest} from './rest.ts'

/** Resource Manager, Service Usage and Cloud Billing, as far as the prerequisites of a pipeline go. */
export function createProject({projectId, endpoint}: Connection, rest: Rest): Project {
  /** `undefined` where the caller may not ask, or the API that answers is off. */
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
        throw toAppError(error, 'Application Default Credentials')
      }
    },

    async state() {
      // Google answers 403 for a project that does not exist, too.
      const project = await ifAllowed(() => rest.get('cloudresourcemanager', `/v1/projects/${projectId}`))
      if (project === undefined) return undefined
      const billing = await ifAllowed(() => rest.get('cloudbilling', `/v1/projects/${projectId}/billingInfo`))
      return {
        number: textIn(project, 'projectNumber') ?? '',
        active: textIn(project, 'lifecycleState') === 'ACTIVE',
        // The local cloud bills nothing.
        billing: endpoint !== undefined ? true : billing && billing['billingEnabled'] === true,
      }
    },

    async enabledApis() {
      const names = new Set<string>()
      let pageToken = ''
      do {
        const page = await rest.request(
          'serviceusage',
          'GET',
          `/v1/projects/${projectId}/services?filter=state:ENABLED&pageSize=200${pageToken && `&pageToken=${pageToken}`}`,
        )
        for (const service of objectsIn(page, 'services')) {
          const name = textIn(service, 'name') ?? ''
          names.add(name.slice(name.lastIndexOf('/') + 1))
        }
        pageToken = textIn(page, 'nextPageToken') ?? ''
      } while (pageToken !== '')
      return names
    },

    async missingPermissions(permissions) {
      if (endpoint !== undefined) return []
      const answer = await ifAllowed(() =>
        rest.request('cloudresourcemanager', 'POST', `/v1/projects/${projectId}:testIamPermissions`, {
          permissions,
        }),
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
  }
}
