import {Flags} from '@oclif/core'

import {EXIT} from '../core/errors.ts'
import {type FileStatus, hasEnded} from '../core/files/files.ts'
import {commandFor} from '../core/shell.ts'
import {type AwaitedFile, waitForResults} from '../core/files/wait.ts'
import {CloudRunnerCommand} from './base.ts'
import {usageError} from './failure.ts'
import {durationFlag} from './flags.ts'
import {count, counted, duration} from './format.ts'
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
   * Waits for these generations, prints how each ended, and has the command end with 3 or 124 if not all are done.
   * @param timeoutMs milliseconds; `undefined`: as long as it takes
   * @returns what belongs in the command's JSON
   */
  protected async results(
    sent: readonly AwaitedFile[],
    timeoutMs: number | undefined,
    target: OpenTarget,
  ): Promise<Waited> {
    const {files, exitCode} = await this.task(
      `Wait for ${counted(sent.length, 'result')}`,
      (step) =>
        waitForResults(sent, {timeoutMs, changed: tellChange(step, sent.length)}, target.context(step)),
      (ended) => ended.exitCode !== 0,
    )
    if (exitCode !== 0) process.exitCode = exitCode
    this.advise(['', ...showEnded(files, Date.now())])
    if (timeoutMs === undefined || exitCode !== EXIT.timeout) return {files}
    const timedOut = timeoutOf(files, timeoutMs)
    this.explain(['', timedOut.message, ...timedOut.suggestions])
    return {files, timedOut}
  }
}

/** How a wait ended, as the commands give it with `--json`. */
export interface Waited {
  /** How each ended, or where it stands when the time ran out. */
  readonly files: readonly FileStatus[]
  /** Present if `--timeout` ran out. */
  readonly timedOut?: TimedOut
}

interface TimedOut {
  readonly message: string
  readonly suggestions: readonly string[]
  /** Files that have not ended. */
  readonly unfinished: number
}

/** What to say when `--timeout` ran out. @param timeoutMs its value, in milliseconds */
export function timeoutOf(files: readonly FileStatus[], timeoutMs: number): TimedOut {
  const open = files.filter((file) => !hasEnded(file))
  const [first = '', ...others] = open.map(({object}) => object)
  const command = (name: string) =>
    others.length === 0 ? commandFor(name, first) : `cloud-runner ${name} OBJECT…`
  const which =
    files.length === 1
      ? `${first} is`
      : `${count(open.length)} of ${counted(files.length, 'file')} ${open.length === 1 ? 'is' : 'are'}`
  return {
    message: `The --timeout of ${duration(timeoutMs)} ran out: ${which} not done yet.`,
    suggestions: [
      `Processing continues; see where it stands: ${others.length === 0 ? command('status') : 'cloud-runner status'}`,
      `Or stop it: ${command('cancel')}`,
    ],
    unfinished: open.length,
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
