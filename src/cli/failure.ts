import {createRequire} from 'node:module'
import {dirname} from 'node:path'

import {AppError, EXIT, type ErrorCode} from '../core/errors.ts'
import {shellPath} from '../core/shell.ts'
import {commandsIn, rendererWith, type Suggestion, type Typed} from '../core/suggestion.ts'
import {isDiskFull, messageOf} from '../core/system-error.ts'

/** A failure as printed, and as output by `--json`. */
export interface Failure {
  readonly code: ErrorCode | 'bug'
  readonly message: string
  readonly suggestions: readonly string[]
  /** The suggested commands that can be run as they are, each as its words, in the order to try them. */
  readonly next: readonly (readonly string[])[]
  readonly exitCode: number
}

/** What `--json` prints in place of a result. */
export interface FailureOutput {
  readonly error: Failure
}

/** Wrong usage: exit code 2. */
export function usageError(message: string, suggestions: readonly Suggestion[]): AppError {
  return new AppError(message, {code: 'usage', exitCode: EXIT.usage, suggestions})
}

/** Any thrown value as a failure: an AppError says what the user can do, anything else is a bug. */
export function failureOf(
  error: unknown,
  {bin, typed}: {readonly bin: string; readonly typed: Typed},
): Failure {
  if (error instanceof AppError) {
    const {code, message, suggestions, exitCode} = error
    return {
      code,
      message,
      suggestions: suggestions.map(rendererWith(typed)),
      next: commandsIn(suggestions, typed),
      exitCode,
    }
  }
  const message = messageOf(error)
  if (isDiskFull(error)) {
    const path =
      error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : undefined
    return {
      code: 'disk-full',
      message: `The disk is full: ${path === undefined ? message : `nothing more can be written to ${path}`}.`,
      suggestions: [
        `Free some space: df -h ${path === undefined ? '.' : shellPath(dirname(path))}`,
        'Then run the same command again.',
      ],
      next: [],
      exitCode: 1,
    }
  }
  return {
    code: 'bug',
    message: `${message} (unexpected: this is a bug in ${bin})`,
    suggestions: [`Report it with the output of the same command run with DEBUG=1: ${issueTracker()}`],
    next: [],
    exitCode: 1,
  }
}

/** Where bugs are reported: `bugs.url` of package.json. */
function issueTracker(): string {
  const {bugs}: {bugs: {url: string}} = createRequire(import.meta.url)('cloud-runner/package.json')
  return bugs.url
}
