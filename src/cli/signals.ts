import {constants} from 'node:os'

import {AppError} from '../core/errors.ts'

type Ending = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

const ENDINGS: readonly Ending[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** One press can arrive twice: from the terminal, and passed on by a parent that the terminal signalled too. */
const SAME_PRESS_MS = 200

/** How long a command may usually take to stop before the process ends anyway. */
export const GRACE_MS = 3000

/** Of a process that a signal ended, as shells count. */
export const exitCodeOf = (signal: Ending): number => 128 + constants.signals[signal]

/** What a running command is told about interruptions. */
export interface Interruption extends Disposable {
  /** Aborted by the first signal; its reason is an AppError `interrupted` with the signal's exit code. */
  readonly signal: AbortSignal
}

let isAsking = false

/** While a question is open: what it asks for has not begun, and an interruption says so. */
export async function whileAsking<T>(ask: () => Promise<T>): Promise<T> {
  isAsking = true
  try {
    return await ask()
  } finally {
    isAsking = false
  }
}

/**
 * Listens for SIGINT, SIGTERM and SIGHUP: the first aborts and says one line, a second ends the process at once.
 * @param hint the line for SIGINT; none where an interruption is the usual end
 * @param graceMs after which the process ends although the command has not stopped
 */
export function watchSignals(hint: string | undefined, graceMs: number): Interruption {
  const controller = new AbortController()
  let since: number | undefined
  const listeners = ENDINGS.map((name) => {
    const listener = () => {
      if (since !== undefined) {
        if (performance.now() - since > SAME_PRESS_MS) process.exit(exitCodeOf(name))
        return
      }
      since = performance.now()
      if (hint !== undefined && name === 'SIGINT') {
        process.stderr.write(`\n${isAsking ? 'Interrupted. Nothing of that was done.' : hint}\n`)
      }
      setTimeout(() => process.exit(exitCodeOf(name)), graceMs).unref()
      controller.abort(
        new AppError(`Interrupted by ${name}.`, {code: 'interrupted', exitCode: exitCodeOf(name)}),
      )
    }
    process.on(name, listener)
    return {name, listener}
  })
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const {name, listener} of listeners) process.off(name, listener)
    },
  }
}
