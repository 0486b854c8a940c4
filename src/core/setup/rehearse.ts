import type {Context} from '../ports/context.ts'
import {AppError} from '../errors.ts'
import {command, suggest} from '../suggestion.ts'

/**
 * A rehearsal creates everything from scratch, as on Google: resources created through the API are not in Terraform's
 * state.
 * @throws AppError `conflict` if the pipeline exists and Terraform does not know it
 */
export async function requireRehearsable({cloud, pipeline, signal}: Context): Promise<void> {
  const planned = await cloud.infrastructure.plan(pipeline, {image: undefined, signal})
  const isKnown = planned.some(({kind, action}) => kind === 'bucket' && action !== 'create')
  if (isKnown || (await cloud.inspection.leftovers(pipeline, {signal})).length === 0) return
  const {name} = pipeline.settings
  throw new AppError(
    `Pipeline ${name} already exists and was not created by Terraform, so it cannot be rehearsed.`,
    {
      code: 'conflict',
      suggestions: [
        suggest`Rehearse under another name: ${command('setup', '--rehearse', '--pipeline', 'rehearsal')}`,
        suggest`Or remove it first: ${command('destroy', '--confirm', name)}`,
      ],
    },
  )
}
