import type {AccessControl, ServiceAgents} from '../iam/access.ts'
import {parsePolicy} from '../iam/policy.ts'
import type {State} from '../state/state.ts'
import {type Route, route} from '../wire/routes.ts'
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

  return {
    routes: [
      route('GET', '/v1/projects/:project', ({params}) => ({json: project(params['project'])})),
      route('GET', '/v3/projects/:project', ({params}) => ({
        json: {
          ...project(params['project']),
          name: `projects/${agents.projectNumber(params['project'] ?? '')}`,
          state: 'ACTIVE',
        },
      })),
      route('POST', '/v1/projects/:project:getIamPolicy', ({params}) => ({
        json: access.getPolicy(`projects/${params['project']}`),
      })),
      route('POST', '/v1/projects/:project:setIamPolicy', async ({params, json}) => {
        const {policy} = await json()
        return {json: await access.setPolicy(`projects/${params['project']}`, parsePolicy(policy))}
      }),
      route('GET', '/v1/projects/:project/billingInfo', ({params}) => ({
        json: {
          name: `projects/${params['project']}/billingInfo`,
          projectId: params['project'],
          billingAccountName: '',
          billingEnabled: false,
        },
      })),
      ...serviceUsageRoutes({state, access, agents}),
    ],
  }
}
