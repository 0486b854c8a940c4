import {resolve} from 'node:path'

import type {OutputTarget} from '../core/output.ts'
import {usageError} from './failure.ts'

/**
 * Where `--output` and `--force` send what a command writes; `-` is standard output.
 * @throws AppError `usage` if `--json` needs standard output too
 */
export function outputTarget(output: string, {force, json}: {force: boolean; json: boolean}): OutputTarget {
  if (output !== '-') return {file: resolve(output), force}
  if (json) {
    throw usageError('--output - and --json would both write to standard output.', ['Leave out one of them.'])
  }
  return {stream: process.stdout}
}
