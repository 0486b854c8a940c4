import type {Context} from './ports/context.ts'
import type {PlannedResource} from './ports/infrastructure.ts'

export interface PlanResult {
  /** All resources of the pipeline, with what `setup` would do to each. */
  readonly resources: readonly PlannedResource[]
  /** How many of them would change. */
  readonly changes: number
}

/** Placeholder until there is an image, so that resources that need one are planned too. */
const NO_DIGEST = `sha256:${'0'.repeat(64)}`

/**
 * What `setup` would create or change; changes nothing. The plan assumes the running image with its liveness probe, and
 * leaves out what `deploy` would do.
 */
export async function plan({cloud, pipeline, signal, step}: Context): Promise<PlanResult> {
  step('Compare with what exists')
  const service = await cloud.services.get(pipeline.names.service)
  const image = service?.image || `${pipeline.names.image}@${NO_DIGEST}`
  const resources = await cloud.infrastructure.plan(
    {...pipeline, livenessPort: service?.livenessPort},
    {image, signal},
  )
  return {resources, changes: resources.filter(({action}) => action !== 'none').length}
}
