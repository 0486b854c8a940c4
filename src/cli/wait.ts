import {Flags} from '@oclif/core'

import {type FileStatus, hasEnded} from '../core/files/files.ts'
import {type AwaitedFile, waitForResults} from '../core/files/wait.ts'
import {CloudRunnerCommand} from './base.ts'
import {usageError} from './failure.ts'
import {durationFlag} from './flags.ts'
import {count, counted} from './format.ts'
import type {OpenTarget} from './open.ts'
import {type FilesProgress, progressOf} from './progress.ts'
import {showEnded} from './show-files.ts'

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

/** A command that sends files on their way, and may wait for what becomes of them. */
export abstract class WaitingCommand extends CloudRunnerCommand {
  // What oclif writes into the manifest it takes from a command and its parent alone.
  static override enableJsonFlag = true

  /**
   * Waits for these generations, prints how each ended, and has the command end with 3 or 124 where not all are done.
   * @param timeoutMs milliseconds; `undefined`: as long as it takes
   */
  protected async results(
    sent: readonly AwaitedFile[],
    timeoutMs: number | undefined,
    target: OpenTarget,
  ): Promise<readonly FileStatus[]> {
    const {files, exitCode} = await this.task(`Wait for ${counted(sent.length, 'result')}`, (step) =>
      waitForResults(sent, {timeoutMs, changed: tellChange(step, sent.length)}, target.context(step)),
    )
    if (exitCode !== 0) process.exitCode = exitCode
    this.print(['', ...showEnded(files, Date.now())])
    return files
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
