import type {AccessControl, ServiceAgents} from '../iam/access.ts'
import type {Schema, State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import {route, type Route} from '../wire/routes.ts'
import {createGuard} from './guarded.ts'
import {APIS_OF_A_NEW_PROJECT, OTHER_APIS, SERVED_APIS} from './google-apis.ts'
import type {Projects} from './projects.ts'

/** What was turned on or off, by project; the rest is as it was from the beginning. */
export const serviceUsageSchema: Schema = {
  name: 'service-usage',
  migrations: [
    'CREATE TABLE service_usage (project TEXT NOT NULL, service TEXT NOT NULL, enabled INTEGER NOT NULL, PRIMARY KEY (project, service)) STRICT',
  ],
}

/** services.batchEnable: https://cloud.google.com/service-usage/docs/reference/rest/v1/services/batchEnable */
const MOST_AT_ONCE = 20

/**
 * Service Usage: which APIs a project has turned on. Those of the local cloud answer whether they are on or off, since
 * whoever works without Google has nothing to pay for.
 */
export function serviceUsageRoutes({
  state,
  access,
  agents,
  projects,
}: {
  state: State
  access: AccessControl
  agents: ServiceAgents
  projects: Pick<Projects, 'get'>
}): Route[] {
  const select = state.database.prepare('SELECT service, enabled FROM service_usage WHERE project = ?')
  const replace = state.database.prepare(
    'INSERT INTO service_usage (project, service, enabled) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET enabled = ?3',
  )

  /** By the project's number, so that its id means the same. */
  const enabledIn = (project: string): Set<string> => {
    const enabled = new Set(projects.get(project).wasCreated ? APIS_OF_A_NEW_PROJECT : SERVED_APIS)
    for (const row of select.all(agents.projectNumber(project))) {
      if (row['enabled'] === 1) enabled.add(String(row['service']))
      else enabled.delete(String(row['service']))
    }
    return enabled
  }
  const describe = (project: string, name: string, enabled = enabledIn(project)): object => {
    const parent = `projects/${agents.projectNumber(project)}`
    return {
      name: `${parent}/services/${name}`,
      config: {name},
      state: enabled.has(name) ? 'ENABLED' : 'DISABLED',
      parent,
    }
  }
  const turn = (project: string, names: readonly string[], enabled: boolean): Promise<void> =>
    state.write(() => {
      for (const name of names) replace.run(agents.projectNumber(project), name, enabled ? 1 : 0)
    })
  const guarded = createGuard({projects, access})

  return [
    route(
      'GET',
      '/v1/projects/:project/services',
      guarded('serviceusage.services.list', (project, {url}) => {
        const wanted = /^state:(ENABLED|DISABLED)$/.exec(url.searchParams.get('filter') ?? '')?.[1]
        const enabled = enabledIn(project)
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
        await turn(project, names, true)
        return done({services: names.map((name) => describe(project, name))})
      }),
    ),
    route(
      'POST',
      '/v1/projects/:project/services/:service:enable',
      guarded('serviceusage.services.enable', async (project, {params}) => {
        const name = known(params['service'])
        await turn(project, [name], true)
        return done({service: describe(project, name)})
      }),
    ),
    route(
      'POST',
      '/v1/projects/:project/services/:service:disable',
      guarded('serviceusage.services.disable', async (project, {params}) => {
        const name = known(params['service'])
        await turn(project, [name], false)
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
