import {sidecarObject, type Outcome} from '../contract.ts'
import {isCancelled, toCommitted} from './commit-state.ts'
import type {Delivery} from './envelope.ts'
import type {Log} from './log.ts'
import {Cancelled, type Worker} from './worker.ts'

/** Interval between checks of a file in progress: each reads metadata once. */
const CHECK_EVERY_MS = 2000

/**
 * Checks for a cancellation while a delivery is in progress. A failed check is ignored: the next one follows.
 * @param cancel called once, if the file is cancelled
 * @returns stops the checks
 */
export function watchCancellation(
  {storage, settings}: Pick<Worker, 'storage' | 'settings'>,
  delivery: Delivery,
  cancel: (reason: Cancelled) => void,
): () => void {
  const name = {bucket: settings.outputBucket, object: sidecarObject(delivery.event.object, 'error.json')}
  let timer: NodeJS.Timeout | undefined
  let hasEnded = false
  const check = async (): Promise<void> => {
    const error = await storage.find(name).catch(() => undefined)
    if (hasEnded) return
    if (error !== undefined && isCancelled(delivery, toCommitted(error)))
      cancel(new Cancelled('The file was cancelled.'))
    else checkLater()
  }
  const checkLater = (): void => {
    timer = setTimeout(() => void check(), CHECK_EVERY_MS)
  }
  checkLater()
  return () => {
    hasEnded = true
    clearTimeout(timer)
  }
}

export function reportCancelled(log: Log): Outcome {
  log('WARNING', 'cancelled with "cloud-runner cancel"', {outcome: 'cancelled'})
  return 'cancelled'
}
