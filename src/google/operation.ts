import {AppError} from '../core/errors.ts'

/** A new revision may take four minutes to start, and its image some to be fetched; Google's own tool waits as long. */
const PATIENCE_MS = 15 * 60_000

/**
 * The end of a long-running operation of a client library, or the signal's reason as soon as it aborts: the operation
 * then goes on without us.
 * @throws the operation's error; AppError `timeout` where it does not end
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
  const {promise: givenUp, reject} = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(neverEnding(operation.name, patienceMs)), patienceMs)
  try {
    await untilAborted(signal, Promise.race([operation.promise(), givenUp]))
  } finally {
    clearTimeout(timer)
    // Else it is asked after for ever.
    operation.removeAllListeners()
  }
}

/** `work`, or the signal's reason as soon as it aborts; the work then goes on without us. */
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

function neverEnding(name: string | undefined, patienceMs: number): AppError {
  return new AppError(
    `The operation ${name ?? ''} has not ended after ${Math.round(patienceMs / 60_000)} minutes; it may still go on.`,
    {
      code: 'timeout',
      suggestions: ['See where things stand: cloud-runner status', 'Then the same command again.'],
    },
  )
}
