import {apiOffIn} from './errors.ts'
import {textIn, type Rest} from './rest.ts'

/**
 * Whether an error says that an API is disabled in the pipeline's own project: what is missing can then be planned. It
 * does not mean that nothing exists: disabling an API keeps its resources.
 */
export type ApiOff = (refusal: unknown) => Promise<boolean>

/**
 * Google answers the same if the API is disabled in the project that the caller's credentials are billed to; only the
 * project number in the message differs.
 */
export function createApiOff(projectId: string, rest: Rest): ApiOff {
  return async (refusal) => {
    const where = apiOffIn(refusal)
    if (where === undefined || where === projectId) return where === projectId
    const project = await rest.get('cloudresourcemanager', `/v1/projects/${projectId}`).catch(() => undefined)
    return textIn(project, 'projectNumber') === where
  }
}
