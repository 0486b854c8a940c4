import type {AccessControl, ServiceAgents} from '../iam/access.ts'
import {ApiError} from '../wire/api-error.ts'
import type {EnabledApis} from './enabled-apis.ts'
import {SERVED_APIS} from './google-apis.ts'
import type {Projects} from './projects.ts'

/**
 * Access control that refuses everything in a project that does not exist, or was deleted; and in one that
 * `projects.create` made, what belongs to an API that is off there, as Google does.
 */
export function withinProjects(
  access: AccessControl,
  {projects, apis, agents}: {projects: Projects; apis: EnabledApis; agents: ServiceAgents},
): AccessControl {
  return {
    ...access,
    require(principal, permission, resource, context) {
      const id = projectIn(context?.project ?? resource)
      if (id !== undefined && id !== '_') {
        if (!projects.isActive(id)) {
          throw new ApiError(
            'PERMISSION_DENIED',
            `Project 'projects/${id}' not found or permission denied: it does not exist, or it has been deleted.`,
          )
        }
        const api = `${permission.slice(0, permission.indexOf('.'))}.googleapis.com`
        if (projects.get(id).wasCreated && SERVED_APIS.includes(api) && !apis.in(id).has(api))
          throw disabled(api, agents.projectNumber(id))
      }
      access.require(principal, permission, resource, context)
    },
  }
}

/** `projects/P/…` → `P` */
function projectIn(resource: string): string | undefined {
  if (!resource.startsWith('projects/')) return undefined
  const end = resource.indexOf('/', 'projects/'.length)
  const id = resource.slice('projects/'.length, end === -1 ? undefined : end)
  return id === '' ? undefined : id
}

/** https://cloud.google.com/service-usage/docs/enable-disable: in Google's words, which tools look for. */
function disabled(api: string, number: string): ApiError {
  return new ApiError(
    'PERMISSION_DENIED',
    `${api} has not been used in project ${number} before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/${api}/overview?project=${number} then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.`,
    [
      {
        '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
        reason: 'SERVICE_DISABLED',
        domain: 'googleapis.com',
        metadata: {service: api, consumer: `projects/${number}`},
      },
    ],
  )
}
