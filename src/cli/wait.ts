import {Flags} from '@oclif/core'

import type {FileStatus} from '../core/pipeline/files.ts'
import {usageError} from './failure.ts'
import {durationFlag} from './flags.ts'

/** `--wait` and `--timeout`, of every command that sends files on their way. */
export const waitFlags = {
  wait: Flags.boolean({summary: 'Wait until every file has its result.'}),
  timeout: durationFlag({summary: 'With --wait: how long at most.'}),
}

/** @throws AppError `usage` for a timeout without anything to wait for */
export function checkWaitFlags({wait, timeout}: {wait: boolean; timeout: number | undefined}): void {
  if (timeout !== undefined && !wait) {
    throw usageError('--timeout says how long to wait, and nothing is waited for.', ['Add: --wait'])
  }
}

/** Tells of each change while files are waited for. */
export function tellChange(step: (text: string) => void): (file: FileStatus) => void {
  return ({object, state, attempts}) =>
    step(`${object}: ${state}${attempts > 1 ? `, attempt ${attempts}` : ''}`)
}
