import type {AccessControl} from '../iam/access.ts'
import type {HttpRequest, Route} from '../wire/routes.ts'
import type {Projects} from './projects.ts'

/** Handlers of routes with `:project`, for callers with a permission on an existing project. */
export function createGuard({projects, access}: {projects: Pick<Projects, 'get'>; access: AccessControl}) {
  return (
    permission: string,
    answer: (project: string, request: HttpRequest) => Promise<object> | object,
  ): Route['handle'] =>
    async (request) => {
      const project = request.params['project'] ?? ''
      projects.get(project)
      access.require(request.call.principal, permission, `projects/${project}`)
      return {json: await answer(project, request)}
    }
}
