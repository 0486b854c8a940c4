import {Flags} from '@oclif/core'

import {EXIT} from '../core/errors.ts'
import {type FileStatus, hasEnded} from '../core/files/files.ts'
import {type AwaitedFile, waitForResults} from '../core/files/wait.ts'
import {CloudRunnerCommand} from './base.ts'
import {usageError} from './failure.ts'
import {durationFlag} from './flags.ts'
import {count, counted, duration} from './format.ts'
import type {OpenTarget} from './targets.ts'
import {type FilesProgress, progressOf} from './progress.ts'
import {showEnded} from './show-files.ts'
import {again, command, commandFor, suggest, synopsis, type Suggestion} from '../core/suggestion.ts'

/** `--wait` and `--timeout`, for every command that sends files to the worker. */
export const waitFlags = {
  wait: Flags.boolean({summary: 'Wait until every file has its result.'}),
  timeout: durationFlag({summary: 'Longest time to wait, with --wait.'}),
}

/** @throws AppError `usage` for `--timeout` without `--wait` */
export function checkWaitFlags({wait, timeout}: {wait: boolean; timeout: number | undefined}): void {
  if (timeout !== undefined && !wait) {
    throw usageError('--timeout needs --wait.', [suggest`Type: ${again('--wait')}`])
  }
}

/** A command that sends files to the worker, and may wait for their results. */
export abstract class WaitingCommand extends CloudRunnerCommand {
  // oclif takes what it writes into the manifest only from a command and its direct parent.
  static override enableJsonFlag = true

  /**
   * Waits for these generations, prints how each ended, and sets exit code 3 or 124 unless all are done.
   * @param timeoutMs milliseconds; `undefined` to wait forever
   * @returns the part of the command's JSON about them
   */
  protected async results(
    sent: readonly AwaitedFile[],
    timeoutMs: number | undefined,
    target: OpenTarget,
  ): Promise<Waited> {
    const {files, exitCode} = await this.task(
      `Wait for ${counted(sent.length, 'result')}`,
      (step) =>
        waitForResults(sent, {timeoutMs, changed: reportChange(step, sent.length)}, target.context(step)),
      (ended) => ended.exitCode !== 0,
    )
    if (exitCode !== 0) process.exitCode = exitCode
    this.print(['', ...showEnded(files, target.now(), this.render)])
    if (timeoutMs === undefined || exitCode !== EXIT.timeout) return {files}
    const timedOut = timeoutOf(files, timeoutMs)
    this.explain(['', timedOut.message, ...timedOut.suggestions.map(this.render)])
    return {files, timedOut}
  }
}

/** How a wait ended, as in `--json` output. */
export interface Waited {
  /** How each ended, or its state at the timeout. */
  readonly files: readonly FileStatus[]
  /** Present if `--timeout` expired. */
  readonly timedOut?: TimedOut
}

interface TimedOut {
  readonly message: string
  readonly suggestions: readonly Suggestion[]
  /** Files that have not ended. */
  readonly unfinished: number
}

/** The message when `--timeout` expired. @param timeoutMs its value, in milliseconds */
export function timeoutOf(files: readonly FileStatus[], timeoutMs: number): TimedOut {
  const open = files.filter((file) => !hasEnded(file))
  const [first = '', ...others] = open.map(({object}) => object)
  const which =
    files.length === 1
      ? `${first} is`
      : `${count(open.length)} of ${counted(files.length, 'file')} ${open.length === 1 ? 'is' : 'are'}`
  return {
    message: `The --timeout of ${duration(timeoutMs)} expired: ${which} not done yet.`,
    suggestions: [
      suggest`Processing continues; check on it: ${others.length === 0 ? commandFor('status', first) : command('status')}`,
      suggest`Or stop it: ${others.length === 0 ? commandFor('cancel', first) : synopsis('cancel', 'OBJECT…')}`,
    ],
    unfinished: open.length,
  }
}

/** Reports changes during a wait for `total` files, and how many have ended. */
export function reportChange(
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
    const report = ended.size > before ? progress.finished : progress.step
    report(`${share}${object}: ${state}${attempts > 1 ? `, attempt ${attempts}` : ''}`)
  }
}
