import {EXIT} from '../core/errors.ts'
import type {Typed} from '../core/suggestion.ts'
import {err} from './color.ts'
import {tame, widthOf, wrap} from './format.ts'
import {failureOf, type FailureOutput} from './failure.ts'

export interface FailureOptions {
  readonly bin: string
  readonly json: boolean
  readonly typed: Typed
}

/**
 * Prints why a command failed: to standard error, or as JSON to standard output; with DEBUG also the stack and the
 * causes. Sets the exit code.
 */
export function printFailure(error: unknown, {bin, json, typed}: FailureOptions): void {
  const failure = failureOf(error, {bin, typed})
  process.exitCode = failure.exitCode
  if (process.env['DEBUG']) process.stderr.write(`${stackOf(error)}\n`)
  if (json) {
    process.stdout.write(`${JSON.stringify({error: failure} satisfies FailureOutput, undefined, 2)}\n`)
    return
  }
  // The signal has already printed its line.
  if (failure.exitCode === EXIT.interrupted) return
  const width = widthOf(process.stderr)
  const title = err.red('Error:')
  const lines = [
    ...wrap(`Error: ${tame(failure.message)}`, width, '').map((line) => line.replace(/^Error:/, title)),
    ...failure.suggestions.flatMap((suggestion) => wrap(`  ${tame(suggestion)}`, width, '    ')),
  ]
  process.stderr.write(`${lines.join('\n')}\n`)
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = error.stack ?? error.message
  return error.cause === undefined ? own : `${own}\nCaused by: ${stackOf(error.cause)}`
}
