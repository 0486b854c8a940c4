import {isWanted, RESERVED_PREFIX, WORKER_ENVIRONMENT} from '../../../worker/contract.ts'
import type {Context} from '../ports/context.ts'
import {AppError} from '../errors.ts'
import {endsAttempt} from '../files/activity.ts'
import type {LogLine} from '../ports/logs.ts'
import type {ServiceState} from '../ports/services.ts'
import {sharesOf} from '../service/traffic.ts'

/** Lines that are read at most to find deliveries in progress. */
const MOST_LINES = 2000

/** A file that a replaced image is still processing. */
export interface StillRunning {
  readonly object: string
  /** Of the job, which may run for up to an hour. */
  readonly execution?: string
  /** That has the delivery, and no traffic any more. */
  readonly revision?: string
}

/**
 * The files that are in progress on another image than the one that serves: executions of the job, and deliveries as
 * far as the log shows. Empty if that cannot be read, since the deployment is done by then.
 */
export async function readStillRunning(service: ServiceState, context: Context): Promise<StillRunning[]> {
  try {
    const [executions, deliveries] = await Promise.all([
      readExecutions(context),
      readDeliveries(service, context),
    ])
    return [...executions, ...deliveries]
  } catch (error) {
    context.signal.throwIfAborted()
    if (error instanceof AppError) return []
    throw error
  }
}

async function readExecutions({cloud, pipeline}: Context): Promise<StillRunning[]> {
  const {job} = pipeline.names
  const serving = await cloud.jobs.image(job)
  if (serving === undefined) return []
  return (await cloud.jobs.running(job)).flatMap(({name, image, environment}) => {
    const object = objectIn(environment[WORKER_ENVIRONMENT.delivery])
    return image === serving || object === undefined ? [] : [{object, execution: name}]
  })
}

async function readDeliveries(
  service: ServiceState,
  {cloud, pipeline, signal}: Context,
): Promise<StillRunning[]> {
  const serving = new Set(sharesOf(service).map(({revision}) => revision))
  // A worker that has logged nothing for longer than a delivery may take is gone.
  const since = new Date(Date.now() - pipeline.settings.ackDeadline * 1000).toISOString()
  const query = {service: pipeline.names.service, about: 'deliveries' as const, since}
  const newest = new Map<string, LogLine>()
  for await (const line of cloud.logs.list(query, {limit: MOST_LINES, signal})) {
    const key = JSON.stringify([line.object, line.generation, line.attempt])
    if (!newest.has(key)) newest.set(key, line)
  }
  return [...newest.values()].flatMap((line) => {
    const {object, revision} = line
    // A worker skips events of other names, such as those of archived copies, which nothing else ends.
    const isOurs =
      object !== undefined && !object.startsWith(RESERVED_PREFIX) && isWanted(object, pipeline.settings)
    return endsAttempt(line) || !isOurs || revision === undefined || serving.has(revision)
      ? []
      : [{object, revision}]
  })
}

/** The object of a delivery that was handed over. @param json `undefined` if the job was run by hand */
function objectIn(json: string | undefined): string | undefined {
  let delivery: unknown
  try {
    delivery = JSON.parse(json ?? '')
  } catch {
    return undefined
  }
  const {event}: {event?: {object?: unknown}} = Object(delivery)
  return typeof event?.object === 'string' ? event.object : undefined
}
