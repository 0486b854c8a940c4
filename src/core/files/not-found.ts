import {AppError} from '../errors.ts'
import type {Context} from '../ports/context.ts'
import {command, suggest} from '../suggestion.ts'
import type {FileState} from './files.ts'

/** The error for folders and globs without a match, among files in these states if any are given. */
export function nothingMatches(
  patterns: readonly string[],
  {pipeline}: Pick<Context, 'pipeline'>,
  states: readonly FileState[] = [],
): AppError {
  const what = states.length === 0 ? 'object' : `${states.join(' or ')} file`
  return new AppError(`No ${what} in bucket ${pipeline.names.inputBucket} matches ${patterns.join(', ')}.`, {
    code: 'object-unknown',
    suggestions: [suggest`List files: ${command('status')}`],
  })
}
