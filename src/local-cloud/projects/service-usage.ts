import type {AccessControl, ServiceAgents} from '../iam/access.ts'
import {ApiError} from '../wire/api-error.ts'
import {route, type Route} from '../wire/routes.ts'
import type {EnabledApis} from './enabled-apis.ts'
import {createGuard} from './guarded.ts'
import {OTHER_APIS, SERVED_APIS} from './google-apis.ts'
import type {Projects} from './projects.ts'

/** services.batchEnable: https://cloud.google.com/service-usage/docs/reference/rest/v1/services/batchEnable */
const MOST_AT_ONCE = 20

/**
 * Service Usage: which APIs a project has turned on. Those of the local cloud answer whether they are on or off, since
 * work without Google costs nothing; unlike in a project that was created: see `withinProjects`.
 */
export function serviceUsageRoutes({
  access,
  agents,
  projects,
  apis,
}: {
  access: AccessControl
  agents: ServiceAgents
  projects: Pick<Projects, 'get'>
  apis: EnabledApis
}): Route[] {
  const describe = (
    project: string,
    name: string,
    enabled: ReadonlySet<string> = apis.in(project),
  ): object => {
    const parent = `projects/${agents.projectNumber(project)}`
    return {
      name: `${parent}/services/${name}`,
      config: {name},
      state: enabled.has(name) ? 'ENABLED' : 'DISABLED',
      parent,
    }
  }
  const guarded = createGuard({projects, access})

  return [
    route(
      'GET',
      '/v1/projects/:project/services',
      guarded('serviceusage.services.list', (project, {url}) => {
        const wanted = /^state:(ENABLED|DISABLED)$/.exec(url.searchParams.get('filter') ?? '')?.[1]
        const enabled = apis.in(project)
        const names = [...SERVED_APIS, ...OTHER_APIS]
          .filter((name) => wanted === undefined || enabled.has(name) === (wanted === 'ENABLED'))
          .toSorted()
        return {services: names.map((name) => describe(project, name, enabled))}
      }),
    ),
    route(
      'GET',
      '/v1/projects/:project/services/:service',
      guarded('serviceusage.services.get', (project, {params}) =>
        describe(project, known(params['service'])),
      ),
    ),
    route(
      'POST',
      '/v1/projects/:project/services:batchEnable',
      guarded('serviceusage.services.enable', async (project, {json}) => {
        const {serviceIds} = await json()
        if (!Array.isArray(serviceIds) || serviceIds.length === 0 || serviceIds.length > MOST_AT_ONCE) {
          throw new ApiError('INVALID_ARGUMENT', `serviceIds must name 1 to ${MOST_AT_ONCE} services.`)
        }
        const names = serviceIds.map((name: unknown) => known(String(name)))
        await apis.turn(project, names, true)
        return done({services: names.map((name) => describe(project, name))})
      }),
    ),
    route(
      'POST',
      '/v1/projects/:project/services/:service:enable',
      guarded('serviceusage.services.enable', async (project, {params}) => {
        const name = known(params['service'])
        await apis.turn(project, [name], true)
        return done({service: describe(project, name)})
      }),
    ),
    route(
      'POST',
      '/v1/projects/:project/services/:service:disable',
      guarded('serviceusage.services.disable', async (project, {params}) => {
        const name = known(params['service'])
        await apis.turn(project, [name], false)
        return done({service: describe(project, name)})
      }),
    ),
  ]
}

/** An operation that ended with its answer. */
function done(response: object): object {
  return {name: 'operations/noop.DONE_OPERATION', done: true, response}
}

function known(name = ''): string {
  if (!SERVED_APIS.includes(name) && !OTHER_APIS.includes(name)) {
    throw new ApiError('PERMISSION_DENIED', `Not found or permission denied for service(s): ${name}.`)
  }
  return name
}
