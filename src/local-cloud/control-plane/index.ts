import type {AccessControl, ServiceAgents} from '../iam/access.ts'
import {parsePolicy} from '../iam/policy.ts'
import {ApiError} from '../wire/api-error.ts'
import {type HttpRequest, type Route, route} from '../wire/routes.ts'

/** The APIs of the local cloud, as Service Usage lists them: all of them are always on. */
const SERVICES = [
  'artifactregistry.googleapis.com',
  'cloudbilling.googleapis.com',
  'cloudresourcemanager.googleapis.com',
  'iam.googleapis.com',
  'iamcredentials.googleapis.com',
  'logging.googleapis.com',
  'pubsub.googleapis.com',
  'run.googleapis.com',
  'serviceusage.googleapis.com',
  'storage.googleapis.com',
]

/**
 * What tools ask about a project before they do anything: Resource Manager, Service Usage and Cloud Billing, as far as
 * the Terraform provider and gcloud call them. Every project id exists.
 */
export function createControlPlane({access, agents}: {access: AccessControl; agents: ServiceAgents}): {
  routes: Route[]
} {
  const project = (id = ''): object => ({
    projectId: /^\d+$/.test(id) ? undefined : id,
    projectNumber: agents.projectNumber(id),
    name: id,
    lifecycleState: 'ACTIVE',
  })
  const service = (id: string, name: string): object => ({
    name: `projects/${agents.projectNumber(id)}/services/${name}`,
    config: {name},
    state: 'ENABLED',
    parent: `projects/${agents.projectNumber(id)}`,
  })
  /** A finished operation: there was nothing to do. */
  const done = (response: object): object => ({name: 'operations/noop.DONE_OPERATION', done: true, response})
  const known = (name = ''): string => {
    if (!SERVICES.includes(name)) {
      throw new ApiError(
        'PERMISSION_DENIED',
        `Not found or permission denied for service(s): ${name}. The local cloud has ${SERVICES.join(', ')}.`,
      )
    }
    return name
  }
  const enable = ({params}: HttpRequest): {json: object} => ({
    json: done({service: service(params['project'] ?? '', known(params['service']))}),
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
      route('GET', '/v1/projects/:project/services', ({params}) => ({
        json: {services: SERVICES.map((name) => service(params['project'] ?? '', name))},
      })),
      route('GET', '/v1/projects/:project/services/:service', ({params}) => ({
        json: service(params['project'] ?? '', known(params['service'])),
      })),
      route('POST', '/v1/projects/:project/services:batchEnable', async ({params, json}) => {
        const {serviceIds} = await json()
        const names = Array.isArray(serviceIds) ? serviceIds.map(String) : []
        return {json: done({services: names.map((name) => service(params['project'] ?? '', known(name)))})}
      }),
      route('POST', '/v1/projects/:project/services/:service:enable', enable),
      route('POST', '/v1/projects/:project/services/:service:disable', () => {
        throw new ApiError('FAILED_PRECONDITION', 'The APIs of the local cloud cannot be disabled.')
      }),
    ],
  }
}
