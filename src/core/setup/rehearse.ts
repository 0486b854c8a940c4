import type {Context} from '../ports/context.ts'
import {AppError} from '../errors.ts'

/**
 * A rehearsal makes everything from nothing, as on Google: what was made by the API is not in Terraform's state.
 * @throws AppError `conflict` where the pipeline is there, and Terraform does not know it
 */
export async function requireRehearsable({cloud, pipeline, signal}: Context): Promise<void> {
  const planned = await cloud.infrastructure.plan(pipeline, {image: undefined, signal})
  const isKnown = planned.some(({kind, action}) => kind === 'bucket' && action !== 'create')
  if (isKnown || (await cloud.inspection.leftovers(pipeline, {signal})).length === 0) return
  const {name} = pipeline.settings
  throw new AppError(
    `Pipeline ${name} is there already, and not made by Terraform: there is nothing to rehearse.`,
    {
      code: 'conflict',
      suggestions: [
        'Rehearse under another name: cloud-runner setup --rehearse --pipeline rehearsal',
        `Or remove it first: cloud-runner destroy --confirm ${name}`,
      ],
    },
  )
}
