import {LOG_LABELS, sidecarObject, WORKER_ENVIRONMENT} from '../contract.ts'
import {isCancelled, toCommitted} from './commit-state.ts'
import {createDeliver, deliveryLabels} from './deliveries.ts'
import {parseDelivery, type Delivery} from './envelope.ts'
import {errorFields, type Log} from './log.ts'
import {helpFirstTask} from './other-task.ts'
import {removeParts, taskOfSeveral} from './parts.ts'
import {SettingsError} from './settings.ts'
import type {Worker} from './worker.ts'

const KEEP_ALIVE_MS = 60_000

/**
 * Processes a delivery as the task of a job: the same work, the same result, the same log lines. Of several tasks, the
 * first does; the others write parts of its result.
 * https://cloud.google.com/run/docs/container-contract#jobs
 * @returns the exit code: 0 if the delivery would be acknowledged; otherwise 1, and Cloud Run retries the task
 * @throws SettingsError if the execution received no delivery
 */
export async function runTask(worker: Worker, shutdown: AbortSignal): Promise<number> {
  const task = taskOfSeveral(worker.environment)
  const isFirst = task === undefined || task.index === 0
  const handedOver = readDelivery(worker.environment)
  // The attempts of the first task alone are the file's.
  const retries = isFirst ? Number(worker.environment['CLOUD_RUN_TASK_ATTEMPT'] ?? 0) : 0
  const delivery = {...handedOver, attempt: handedOver.attempt + retries}
  const log = worker.log.labelled({
    ...deliveryLabels(delivery),
    ...(isFirst ? {} : {[LOG_LABELS.task]: String(task.index + 1)}),
  })
  // Keeps the process alive: one that waits without an event loop handle must not look finished.
  const alive = setInterval(() => {}, KEEP_ALIVE_MS)
  try {
    if (isFirst) await createDeliver(worker, shutdown)(delivery, log)
    else await helpFirstTask(worker, delivery, task, log, shutdown)
    if (isFirst && task !== undefined) await clear(worker, delivery, log)
    return 0
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    if (isFirst)
      log('ERROR', `the job's attempt failed: ${reason}`, {
        outcome: 'refused',
        ...errorFields(error),
      })
    else log('WARNING', `task ${task.index + 1} failed: ${reason}`, errorFields(error))
    if (isFirst && task !== undefined && shutdown.aborted && (await wasCancelled(worker, delivery)))
      await clear(worker, delivery, log)
    return 1
  } finally {
    clearInterval(alive)
  }
}

/** The delivery that was handed over. */
function readDelivery(environment: Worker['environment']): Delivery {
  const text = environment[WORKER_ENVIRONMENT.delivery]
  if (text === undefined) {
    throw new SettingsError('DELIVERY is not set: only the service runs this job, to hand a file over.')
  }
  return parseDelivery(text)
}

/** Removes what the tasks have exchanged. What is left then, the next execution of the file removes. */
async function clear(worker: Worker, delivery: Delivery, log: Log): Promise<void> {
  await removeParts(worker, delivery).catch((error: unknown) =>
    log('WARNING', `the parts of the result were not removed: ${String(error)}`),
  )
}

/** Whether the signal that ended the task came from a cancellation of the file: no retry follows. */
async function wasCancelled({storage, settings}: Worker, delivery: Delivery): Promise<boolean> {
  const name = {bucket: settings.outputBucket, object: sidecarObject(delivery.event.object, 'error.json')}
  const error = await storage.find(name).catch(() => undefined)
  return error !== undefined && isCancelled(delivery, toCommitted(error))
}
