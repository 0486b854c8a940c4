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

/** Handles one delivery. Resolves to acknowledge it, rejects to refuse it. */
export type Deliver = (delivery: Delivery, log: Log) => Promise<Outcome>

/** The labels that `logs OBJECT` filters on. */
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
 * Delivers until the worker's own deadline passes or `shutdown` aborts: the work ends the next time it checks the
 * signal, and the delivery is refused at once even if the process never checks. A file that always takes too long
 * goes to the job, if there is one; otherwise it becomes a dead letter, since the subscription counts its refusals.
 *
 * A file that is cancelled meanwhile ends the same way, but is acknowledged; once its outputs are being written, the
 * cancellation comes too late, and they are completed.
 *
 * A second delivery of a file in progress waits for the first and shares its outcome.
 */
export function createDeliver(worker: Worker, shutdown: AbortSignal): Deliver {
  const inProgress = new Map<string, Promise<Outcome>>()

  const work = async (delivery: Delivery, log: Log): Promise<Outcome> => {
    const route = routeEvent(delivery.event, worker.settings)
    if (route.kind === 'skip') {
      log(route.severity, `skipped: ${route.reason}`, {outcome: 'skipped'})
      return 'skipped'
    }
    const ending = new AbortController()
    const stopDeadline = watchDeadline(worker.settings.ownDeadlineMs, ending)
    const stopChecking = watchCancellation(worker, delivery, (reason) => ending.abort(reason))
    const signal = AbortSignal.any([shutdown, ending.signal])
    const handle = () =>
      route.kind === 'canary'
        ? answerCanary(worker, delivery, log, signal)
        : processFile(worker, delivery, log, signal, stopChecking)
    try {
      return await untilAborted(
        signal,
        worker.watch(log, () => withLog(log, handle)),
      )
    } catch (error) {
      if (error instanceof Cancelled) return reportCancelled(log)
      if (!(error instanceof DeadlinePassed) || route.kind === 'canary' || worker.settings.job === undefined)
        throw error
      log('INFO', `${error.message}: handing it over to a job`)
      return await handOver(worker, delivery, log, 'deadline', shutdown)
    } finally {
      stopDeadline()
      stopChecking()
    }
  }

  return async (delivery, log) => {
    const {bucket, object, generation, reprocessId} = delivery.event
    const key = JSON.stringify([bucket, object, generation, reprocessId])
    const first = inProgress.get(key)
    if (first !== undefined) {
      await first
      log('INFO', 'duplicate: already in progress', {outcome: 'duplicate'})
      return 'duplicate'
    }
    const outcome = work(delivery, log)
    inProgress.set(key, outcome)
    try {
      return await outcome
    } finally {
      inProgress.delete(key)
    }
  }
}

/** @param afterMs counted from now; `undefined`: no deadline. @returns stops the timer */
function watchDeadline(afterMs: number | undefined, ending: AbortController): () => void {
  if (afterMs === undefined) return () => {}
  const timer = setTimeout(
    () => ending.abort(new DeadlinePassed(`not done within ${afterMs / 1000} s, the worker's own deadline`)),
    afterMs,
  )
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
