import type {AccessControl, ServiceAgents} from '../iam/access.ts'
import {parsePermissions, parsePolicy} from '../iam/policy.ts'
import type {State} from '../state/state.ts'
import {type HttpRequest, type HttpResponse, type Route, route} from '../wire/routes.ts'
import {serviceUsageRoutes} from './service-usage.ts'

/**
 * What tools ask about a project before they do anything: Resource Manager, Service Usage and Cloud Billing, as far as
 * the Terraform provider and gcloud call them. Every project id exists.
 */
export function createControlPlane({
  state,
  access,
  agents,
}: {
  state: State
  access: AccessControl
  agents: ServiceAgents
}): {
  routes: Route[]
} {
  const project = (id = ''): object => ({
    projectId: /^\d+$/.test(id) ? undefined : id,
    projectNumber: agents.projectNumber(id),
    name: id,
    lifecycleState: 'ACTIVE',
  })

  const guarded =
    (permission: string, answer: (id: string, request: HttpRequest) => Promise<object> | object) =>
    async (request: HttpRequest): Promise<HttpResponse> => {
      const id = request.params['project'] ?? ''
      access.require(request.call.principal, `resourcemanager.projects.${permission}`, `projects/${id}`)
      return {json: await answer(id, request)}
    }

  return {
    routes: [
      route('GET', '/v1/projects/:project', guarded('get', project)),
      route(
        'GET',
        '/v3/projects/:project',
        guarded('get', (id) => ({
          ...project(id),
          name: `projects/${agents.projectNumber(id)}`,
          state: 'ACTIVE',
        })),
      ),
      route(
        'POST',
        '/v1/projects/:project:getIamPolicy',
        guarded('getIamPolicy', (id) => access.getPolicy(`projects/${id}`)),
      ),
      route(
        'POST',
        '/v1/projects/:project:setIamPolicy',
        guarded('setIamPolicy', async (id, {json}) =>
          access.setPolicy(`projects/${id}`, parsePolicy((await json())['policy'])),
        ),
      ),
      route('POST', '/v1/projects/:project:testIamPermissions', async ({params, call, json}) => ({
        json: {
          permissions: access.testPermissions(
            call.principal,
            parsePermissions(await json()),
            `projects/${params['project']}`,
          ),
        },
      })),
      route(
        'GET',
        '/v1/projects/:project/billingInfo',
        guarded('get', (id) => ({
          name: `projects/${id}/billingInfo`,
          projectId: id,
          billingAccountName: '',
          billingEnabled: false,
        })),
      ),
      ...serviceUsageRoutes({state, access, agents}),
    ],
  }
}
