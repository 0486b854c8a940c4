import {AppError} from '../core/errors.ts'
import {command, suggest} from '../core/suggestion.ts'

/** A new revision may take four minutes to start, plus the pull of its image; Google's own tool waits as long. */
const PATIENCE_MS = 15 * 60_000

/**
 * Waits for a client library's long-running operation to end, or for the signal to abort; the operation itself is not
 * cancelled.
 * @throws the operation's error; AppError `timeout` if it does not end; the signal's reason
 */
export async function followed(
  operation: {
    promise(): Promise<unknown>
    removeAllListeners(): unknown
    readonly name?: string | undefined
  },
  signal: AbortSignal,
  patienceMs: number = PATIENCE_MS,
): Promise<void> {
  const {promise: timeout, reject} = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(timedOut(operation.name, patienceMs)), patienceMs)
  try {
    await untilAborted(signal, Promise.race([operation.promise(), timeout]))
  } finally {
    clearTimeout(timer)
    // Otherwise it is polled forever.
    operation.removeAllListeners()
  }
}

/** Waits for `work`, or for the signal to abort; the work itself is not stopped. @throws the signal's reason */
export async function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const {promise: aborted, reject} = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, {once: true})
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function timedOut(name: string | undefined, patienceMs: number): AppError {
  return new AppError(
    `The operation ${name ?? ''} has not finished after ${Math.round(patienceMs / 60_000)} minutes; it may still be running.`,
    {
      code: 'timeout',
      suggestions: [suggest`See the current state: ${command('status')}`, 'Then run the same command again.'],
    },
  )
}
