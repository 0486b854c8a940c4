import type {AccessControl} from '../iam/access.ts'
import {storedJson} from '../state/rows.ts'
import type {State} from '../state/state.ts'
import type {Call} from '../wire/call.ts'
import {RegistryError} from './registry-error.ts'

/** The repositories as image names see them: by `PROJECT/REPOSITORY`, without the location. */
export interface Spaces {
  /** @throws RegistryError NAME_UNKNOWN if the repository does not exist; ApiError PERMISSION_DENIED */
  require(call: Call, permission: string, space: string): void
  hasImmutableTags(space: string): boolean
}

interface DockerRepository {
  dockerConfig?: {immutableTags?: boolean}
}

export function createSpaces({state, access}: {state: State; access: AccessControl}): Spaces {
  const select = state.database.prepare('SELECT name, json FROM registry_repositories WHERE space = ?')
  return {
    require(call, permission, space) {
      const row = select.get(space)
      if (!row) {
        const [project, repository] = space.split('/')
        throw new RegistryError(
          'NAME_UNKNOWN',
          `Repository "${repository}" not found in project "${project}": create it in Artifact Registry first.`,
          {name: space},
        )
      }
      access.require(call.principal, permission, String(row['name']))
    },
    hasImmutableTags(space) {
      const row = select.get(space)
      return (
        row !== undefined && storedJson<DockerRepository>(row, 'json').dockerConfig?.immutableTags === true
      )
    },
  }
}
