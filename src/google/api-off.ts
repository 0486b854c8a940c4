import {apiOffIn} from './errors.ts'
import {textIn, type Rest} from './rest.ts'

/**
 * Whether an error says that an API is off in the pipeline's own project: what is still to be made can then be planned.
 * It does not say that nothing is there: switching an API off keeps what was made by it.
 */
export type ApiOff = (refusal: unknown) => Promise<boolean>

/**
 * Google also refuses where the API is off in the project that the caller's credentials are billed to, in the same
 * words; only the number in them tells the two apart.
 */
export function createApiOff(projectId: string, rest: Rest): ApiOff {
  return async (refusal) => {
    const where = apiOffIn(refusal)
    if (where === undefined || where === projectId) return where === projectId
    const project = await rest.get('cloudresourcemanager', `/v1/projects/${projectId}`).catch(() => undefined)
    return textIn(project, 'projectNumber') === where
  }
}
