import {WORKER_ENVIRONMENT} from '../contract.ts'
import {createDeliver, deliveryLabels} from './deliveries.ts'
import {parseDelivery, type Delivery} from './envelope.ts'
import {errorFields} from './log.ts'
import {SettingsError} from './settings.ts'
import type {Worker} from './worker.ts'

const KEEP_ALIVE_MS = 60_000

/**
 * Processes a delivery as the task of a job: the same work, the same result, the same log lines.
 * https://cloud.google.com/run/docs/container-contract#jobs
 * @returns the exit code: 0 if the delivery would be acknowledged; otherwise 1, and Cloud Run retries the task
 * @throws SettingsError if the execution received no delivery
 */
export async function runTask(worker: Worker, shutdown: AbortSignal): Promise<number> {
  const delivery = readDelivery(worker.environment)
  const log = worker.log.labelled(deliveryLabels(delivery))
  // Keeps the process alive: one that waits without an event loop handle must not look finished.
  const alive = setInterval(() => {}, KEEP_ALIVE_MS)
  try {
    await createDeliver(worker, shutdown)(delivery, log)
    return 0
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    log('ERROR', `the job's attempt failed: ${reason}`, {
      outcome: 'refused',
      ...errorFields(error),
    })
    return 1
  } finally {
    clearInterval(alive)
  }
}

/** The delivery that was handed over; the task's attempts add to its count. */
function readDelivery(environment: Worker['environment']): Delivery {
  const text = environment[WORKER_ENVIRONMENT.delivery]
  if (text === undefined) {
    throw new SettingsError('DELIVERY is not set: only the service runs this job, to hand a file over.')
  }
  const delivery = parseDelivery(text)
  return {...delivery, attempt: delivery.attempt + Number(environment['CLOUD_RUN_TASK_ATTEMPT'] ?? 0)}
}
