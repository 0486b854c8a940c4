import {AppError} from '../errors.ts'
import type {Context} from '../ports/context.ts'
import {command, suggest} from '../suggestion.ts'

/** The error for a pipeline that was never set up on this target, or no longer exists. */
export function notSetUp({pipeline}: Pick<Context, 'pipeline'>, cause?: unknown): AppError {
  const {name, target, project} = pipeline.settings
  return new AppError(
    `Pipeline ${name} does not exist ${target === 'local' ? 'on this machine' : `in project ${project}`}.`,
    {
      code: 'not-set-up',
      suggestions: [suggest`Create it: ${command('setup')}`],
      cause,
    },
  )
}
