import {constants} from 'node:os'

import {AppError} from '../core/errors.ts'

type Ending = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

const ENDINGS: readonly Ending[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** One key press can arrive twice: from the terminal, and from a parent that forwards the signal. */
const SAME_PRESS_MS = 200

/** Milliseconds that a command usually gets to stop before the process exits anyway. */
export const GRACE_MS = 3000

/** Exit code of a process ended by a signal, as shells report it. */
export const exitCodeOf = (signal: Ending): number => 128 + constants.signals[signal]

/** Interruption of a running command. */
export interface Interruption extends Disposable {
  /** Aborted by the first signal; its reason is an AppError `interrupted` with the signal's exit code. */
  readonly signal: AbortSignal
}

let isAsking = false

/** Marks a question as open: an interruption then says that nothing was done. */
export async function whileAsking<T>(ask: () => Promise<T>): Promise<T> {
  isAsking = true
  try {
    return await ask()
  } finally {
    isAsking = false
  }
}

/**
 * Listens for SIGINT, SIGTERM and SIGHUP: the first aborts and prints one line, a second exits at once.
 * @param hint the line for SIGINT; none if an interruption is the usual way to end
 * @param graceMs after which the process exits even if the command has not stopped
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
        process.stderr.write(`\n${isAsking ? 'Interrupted. None of that was done.' : hint}\n`)
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
