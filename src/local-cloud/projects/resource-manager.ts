import {randomInt} from 'node:crypto'
import type {AccessControl, ServiceAgents} from '../iam/access.ts'
import {policyMethods, policyRoutes} from '../iam/policy-methods.ts'
import type {Operation, Operations} from '../operations/operations.ts'
import {ApiError} from '../wire/api-error.ts'
import {route, type Route} from '../wire/routes.ts'
import {createGuard} from './guarded.ts'
import type {Project, Projects} from './projects.ts'

/** Resource Manager: projects, and their policies. https://cloud.google.com/resource-manager/reference/rest */
export function resourceManagerRoutes({
  projects,
  access,
  agents,
  operations,
}: {
  projects: Projects
  access: AccessControl
  agents: ServiceAgents
  operations: Operations
}): Route[] {
  const guarded = createGuard({projects, access})

  const common = ({projectId, labels, createTime}: Project): object => ({
    // The id of a project that was not created, requested by number, is unknown.
    projectId: /^\d+$/.test(projectId) ? undefined : projectId,
    ...(Object.keys(labels).length > 0 ? {labels} : {}),
    ...(createTime === undefined ? {} : {createTime}),
  })
  const formV1 = (id: string, project: Project): object => ({
    ...common(project),
    projectNumber: agents.projectNumber(id),
    name: project.displayName,
    lifecycleState: project.state,
  })
  const formV3 = (id: string, project: Project): object => ({
    ...common(project),
    name: `projects/${agents.projectNumber(id)}`,
    displayName: project.displayName,
    ...(project.parent === undefined ? {} : {parent: project.parent}),
    ...(project.deleteTime === undefined ? {} : {deleteTime: project.deleteTime}),
    state: project.state,
  })

  /** Answers at once, unfinished, as Google does; callers poll for the end. */
  const begin = (prefix: string, id: string, work: () => Promise<Project>): Promise<Operation> =>
    operations.run(
      {
        parent: `projects/${id}`,
        type: 'google.cloud.resourcemanager.v3.Project',
        metadata: {},
        name: `operations/${prefix}.${randomInt(1e13, 1e14)}`,
        answerAtOnce: true,
      },
      async () => formV3(id, await work()),
    )

  const turn = (from: Project['state'], to: Project['state']) => (id: string) => {
    const {state} = projects.get(id)
    if (state !== from) {
      throw new ApiError(
        'FAILED_PRECONDITION',
        `Project '${id}' must be in the state ${from}; it is in the state ${state}.`,
      )
    }
    return begin(to === 'ACTIVE' ? 'up' : 'dp', id, () => projects.change(id, {state: to}))
  }

  return [
    route(
      'GET',
      '/v1/projects/:project',
      guarded('resourcemanager.projects.get', (id) => formV1(id, projects.get(id))),
    ),
    route(
      'GET',
      '/v3/projects/:project',
      guarded('resourcemanager.projects.get', (id) => formV3(id, projects.get(id))),
    ),
    route('POST', '/v3/projects', async ({json, call}) => {
      const {projectId: asked, displayName, labels: given, parent} = await json()
      if (call.principal !== 'owner' && parent === undefined) {
        throw new ApiError(
          'FAILED_PRECONDITION',
          'Service accounts cannot create projects without specifying a parent.',
        )
      }
      const {projectId, labels} = projects.checkNew(asked, given)
      return {
        json: await begin('cp', projectId, () =>
          projects.create({
            projectId,
            labels,
            displayName: typeof displayName === 'string' ? displayName : projectId,
            parent: typeof parent === 'string' ? parent : undefined,
          }),
        ),
      }
    }),
    route(
      'DELETE',
      '/v3/projects/:project',
      guarded('resourcemanager.projects.delete', turn('ACTIVE', 'DELETE_REQUESTED')),
    ),
    route(
      'POST',
      '/v3/projects/:project:undelete',
      guarded('resourcemanager.projects.undelete', turn('DELETE_REQUESTED', 'ACTIVE')),
    ),
    ...policyRoutes(
      'projects/:project',
      policyMethods(
        access,
        () => 'resourcemanager.projects',
        () => undefined,
      ),
      {
        getMethod: 'POST',
        resourceOf: (name) => `projects/${projects.get(name.replace(/^projects\//, '')).projectId}`,
      },
    ),
  ]
}
