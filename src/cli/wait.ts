import {Flags} from '@oclif/core'

import {type FileStatus, hasEnded} from '../core/pipeline/files.ts'
import {usageError} from './failure.ts'
import {durationFlag} from './flags.ts'
import {count} from './format.ts'
import {type FilesProgress, progressOf} from './progress.ts'

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

/** Tells of the changes while `total` files are waited for, and how many have ended. */
export function tellChange(
  step: (text: string) => void,
  total: number,
  progress: FilesProgress = progressOf(step, total),
): (file: FileStatus) => void {
  const ended = new Set<string>()
  return (file) => {
    const {object, generation, state, attempts} = file
    const before = ended.size
    if (hasEnded(file)) ended.add(`${object}#${generation}`)
    const share = total === 1 ? '' : `${count(ended.size)} of ${count(total)}: `
    const tell = ended.size > before ? progress.through : progress.step
    tell(`${share}${object}: ${state}${attempts > 1 ? `, attempt ${attempts}` : ''}`)
  }
}
