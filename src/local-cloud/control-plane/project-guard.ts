import type {AccessControl} from '../iam/access.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Projects} from './projects.ts'

/** Access control that refuses everything in a project that does not exist, or was deleted. */
export function withinProjects(access: AccessControl, projects: Pick<Projects, 'isActive'>): AccessControl {
  return {
    ...access,
    require(principal, permission, resource, project) {
      const id = /^projects\/(?<id>[^/]+)/.exec(project ?? resource)?.groups?.['id']
      if (id !== undefined && id !== '_' && !projects.isActive(id)) {
        throw new ApiError(
          'PERMISSION_DENIED',
          `Project 'projects/${id}' not found or permission denied: it does not exist, or it has been deleted.`,
        )
      }
      access.require(principal, permission, resource, project)
    },
  }
}
