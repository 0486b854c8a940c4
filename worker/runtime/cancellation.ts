import {sidecarObject, type Outcome} from '../contract.ts'
import {isCancelled, toCommitted} from './commit-state.ts'
import type {Delivery} from './envelope.ts'
import type {Log} from './log.ts'
import {Cancelled, type Worker} from './worker.ts'

/** Between two looks at a file in progress: each is one read of metadata. */
const LOOK_EVERY_MS = 2000

/**
 * Looks for a cancellation of a delivery while it is in progress. A look that fails is made up for by the next one.
 * @param cancel called once, when it was cancelled
 * @returns ends the looks
 */
export function watchCancellation(
  {storage, settings}: Pick<Worker, 'storage' | 'settings'>,
  delivery: Delivery,
  cancel: (reason: Cancelled) => void,
): () => void {
  const name = {bucket: settings.outputBucket, object: sidecarObject(delivery.event.object, 'error.json')}
  let timer: NodeJS.Timeout | undefined
  let hasEnded = false
  const look = async (): Promise<void> => {
    const error = await storage.find(name).catch(() => undefined)
    if (hasEnded) return
    if (error !== undefined && isCancelled(delivery, toCommitted(error)))
      cancel(new Cancelled('It was cancelled.'))
    else lookLater()
  }
  const lookLater = (): void => {
    timer = setTimeout(() => void look(), LOOK_EVERY_MS)
  }
  lookLater()
  return () => {
    hasEnded = true
    clearTimeout(timer)
  }
}

export function reportCancelled(log: Log): Outcome {
  log('WARNING', 'cancelled: "cloud-runner cancel" was asked for this file', {outcome: 'cancelled'})
  return 'cancelled'
}
