import {LOG_LABELS, type Outcome} from '../contract.ts'
import {answerCanary} from './canary.ts'
import {reportCancelled, watchCancellation} from './cancellation.ts'
import type {Delivery} from './envelope.ts'
import {handOver} from './hand-over.ts'
import type {Log} from './log.ts'
import {processFile} from './process-file.ts'
import {withLog} from './console.ts'
import {routeEvent} from './routing.ts'
import {Cancelled, DeadlinePassed, type Worker} from './worker.ts'

/** Takes one delivery in hand. Resolves where it is to be acknowledged, rejects where it is to be refused. */
export type Deliver = (delivery: Delivery, log: Log) => Promise<Outcome>

/** The labels by which `logs OBJECT` finds the lines about a file. */
export function deliveryLabels({event, messageId, attempt}: Delivery): Record<string, string> {
  return {
    [LOG_LABELS.bucket]: event.bucket,
    [LOG_LABELS.object]: event.object,
    [LOG_LABELS.generation]: event.generation,
    [LOG_LABELS.messageId]: messageId,
    [LOG_LABELS.attempt]: String(attempt),
  }
}

/**
 * Delivers under the worker's own deadline and until `shutdown` aborts: whichever comes first ends the work at its next
 * look at the signal, and the delivery is refused at once even where the process does not look. A file that always
 * takes too long goes to the job, if there is one; else it ends with the dead letters, as the subscription counts its
 * refusals.
 *
 * A file that is cancelled meanwhile ends the same way, and is acknowledged.
 *
 * A second delivery of what is in hand waits for the first and shares its end.
 */
export function createDeliver(worker: Worker, shutdown: AbortSignal): Deliver {
  const inHand = new Map<string, Promise<Outcome>>()

  const work = async (delivery: Delivery, log: Log): Promise<Outcome> => {
    const route = routeEvent(delivery.event, worker.settings)
    if (route.kind === 'skip') {
      log(route.severity, `skipped: ${route.reason}`, {outcome: 'skipped'})
      return 'skipped'
    }
    const handler = route.kind === 'canary' ? answerCanary : processFile
    const ending = new AbortController()
    const stopDeadline = watchDeadline(worker.settings.ownDeadlineMs, ending)
    const stopLooking = watchCancellation(worker, delivery, (reason) => ending.abort(reason))
    const signal = AbortSignal.any([shutdown, ending.signal])
    try {
      return await untilAborted(
        signal,
        worker.watch(log, () => withLog(log, () => handler(worker, delivery, log, signal))),
      )
    } catch (error) {
      if (error instanceof Cancelled) return reportCancelled(log)
      if (!(error instanceof DeadlinePassed) || route.kind === 'canary' || worker.settings.job === undefined)
        throw error
      log('INFO', `${error.message}: a job continues with it`)
      return await handOver(worker, delivery, log, 'deadline', shutdown)
    } finally {
      stopDeadline()
      stopLooking()
    }
  }

  return async (delivery, log) => {
    const {bucket, object, generation, reprocessId} = delivery.event
    const key = JSON.stringify([bucket, object, generation, reprocessId])
    const first = inHand.get(key)
    if (first !== undefined) {
      await first
      log('INFO', 'duplicate: was in hand already', {outcome: 'duplicate'})
      return 'duplicate'
    }
    const outcome = work(delivery, log)
    inHand.set(key, outcome)
    try {
      return await outcome
    } finally {
      inHand.delete(key)
    }
  }
}

/** @param afterMs of the work's beginning; `undefined`: there is no deadline. @returns ends the watch */
function watchDeadline(afterMs: number | undefined, ending: AbortController): () => void {
  if (afterMs === undefined) return () => {}
  const passed = new DeadlinePassed(`not done within ${afterMs / 1000} s, the worker's own deadline`)
  const timer = setTimeout(() => ending.abort(passed), afterMs)
  return () => clearTimeout(timer)
}

/** `work`, or the signal's reason as soon as it aborts. */
async function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const {promise: aborted, reject} = Promise.withResolvers<never>()
  const onAbort = (): void => {
    reject(signal.reason)
  }
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, {once: true})
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
