import type {Context} from './ports/context.ts'
import type {PlannedResource} from './ports/infrastructure.ts'

export interface PlanResult {
  /** Everything that the pipeline consists of, with what `setup` would do to it. */
  readonly resources: readonly PlannedResource[]
  /** How many of them would be changed. */
  readonly changes: number
}

/** Stands for an image before there is one: what needs an image is planned too. */
const NO_DIGEST = `sha256:${'0'.repeat(64)}`

/**
 * What `setup` would make or change; changes nothing. The image that runs is taken as it is: what `deploy` would do is
 * not the plan's matter.
 */
export async function plan({cloud, pipeline, signal, step}: Context): Promise<PlanResult> {
  step('Compare with what is there')
  const service = await cloud.services.get(pipeline.names.service)
  const image = service?.image || `${pipeline.names.image}@${NO_DIGEST}`
  const resources = await cloud.infrastructure.plan(pipeline, {image, signal})
  return {resources, changes: resources.filter(({action}) => action !== 'none').length}
}
