import {WORKER_ENVIRONMENT} from '../contract.ts'
import {createDeliver, deliveryLabels} from './deliveries.ts'
import {parseDelivery, type Delivery} from './envelope.ts'
import {errorFields} from './log.ts'
import {SettingsError} from './settings.ts'
import type {Worker} from './worker.ts'

const KEEP_ALIVE_MS = 60_000

/**
 * Does what a delivery asks for as the task of a job: the same work, the same result, the same lines.
 * https://cloud.google.com/run/docs/container-contract#jobs
 * @returns the exit code: 0 where the delivery would be acknowledged; else 1, and Cloud Run tries the task again
 * @throws SettingsError where the execution was given no delivery
 */
export async function runTask(worker: Worker, shutdown: AbortSignal): Promise<number> {
  const delivery = readDelivery(worker.environment)
  const log = worker.log.labelled(deliveryLabels(delivery))
  // A process that waits for something that keeps no event loop alive must not look like one that is done.
  const alive = setInterval(() => {}, KEEP_ALIVE_MS)
  try {
    await createDeliver(worker, shutdown)(delivery, log)
    return 0
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    log('ERROR', `not done by this attempt of the job: ${reason}`, {
      outcome: 'refused',
      ...errorFields(error),
    })
    return 1
  } finally {
    clearInterval(alive)
  }
}

/** The delivery that was handed over; attempts of the task count on from it. */
function readDelivery(environment: Worker['environment']): Delivery {
  const text = environment[WORKER_ENVIRONMENT.delivery]
  if (text === undefined) {
    throw new SettingsError('DELIVERY is not set: the service runs this job when it hands a file over.')
  }
  const delivery = parseDelivery(text)
  return {...delivery, attempt: delivery.attempt + Number(environment['CLOUD_RUN_TASK_ATTEMPT'] ?? 0)}
}
