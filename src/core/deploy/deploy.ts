import type {Context} from '../ports/context.ts'
import {AppError} from '../errors.ts'
import {type ServiceState, type WorkerImage} from '../ports/services.ts'
import {withLock} from '../lock.ts'
import {gapOf} from '../service/connections.ts'
import {notSetUp} from '../service/not-set-up.ts'
import {provideSecrets} from '../secrets/provide.ts'
import {provideImage, type ImageRequest} from './build.ts'
import {deployFailed} from '../service/failure.ts'
import {alignJob, servingImage} from '../service/job.ts'
import {isRouted, routeByRollout, routeToLatest, stableRevision, type Rollout} from '../service/traffic.ts'
import {readStillRunning, type StillRunning} from './still-running.ts'
import {command, suggest} from '../suggestion.ts'

export interface DeployRequest extends ImageRequest {
  /** Default: all traffic at once. */
  readonly rollout?: Rollout
  /** Tag that gives the new revision its own address. */
  readonly tag?: string | undefined
  /** Builds, has Cloud Run validate the request, and changes nothing. */
  readonly dryRun?: boolean
}

export interface DeployResult {
  /** Reference with digest. */
  readonly image: string
  readonly service: ServiceState
  /** The revision that had the traffic, or most of it. */
  readonly previousRevision: string | undefined
  readonly previousImage: string | undefined
  /** The image was already running, and the traffic already right. */
  readonly unchanged: boolean
  readonly dryRun: boolean
  /** What an unfinished setup left out between uploads and the worker; `cloud-runner setup` creates it. */
  readonly gap?: string
  /** Files that an image without traffic is still processing. */
  readonly stillRunning: readonly StillRunning[]
}

/**
 * Builds and pushes the current worker, creates a revision, and moves the traffic, or part of it, once that is ready.
 * @throws AppError `not-set-up`; `locked`; `deploy-failed` with the revision's log lines if it does not become ready;
 * the traffic then stays where it was
 */
export async function deploy(request: DeployRequest, context: Context): Promise<DeployResult> {
  const {rollout = {kind: 'all'}, tag, dryRun = false} = request
  const {cloud, pipeline, signal, step} = context
  const short = pipeline.names.service
  if ((await cloud.services.get(short)) === undefined) throw await notDeployable(context)
  return withLock('deploy', context, async () => {
    const provided = await provideImage(request, context, {push: !dryRun})
    const before = await existing(context)
    const {image} = provided
    // An image requested by the reference that it has already keeps its probe.
    const isKept = request.image !== undefined && image === before.image
    const worker = isKept ? {image, livenessPort: before.livenessPort} : provided
    const previous = {
      previousRevision: stableRevision(before),
      previousImage: await servingImage(before, context),
    }
    const hasNewValues = !dryRun && (await provideSecrets(context))
    const isThere = isRunning(worker, before) && !hasNewValues
    if (dryRun) {
      step('Validate the request with Cloud Run')
      await cloud.services.check(short, worker)
      const unchanged = isThere && isRouted(before, routeByRollout(rollout, before, before, tag))
      return {image, service: before, ...previous, unchanged, dryRun, stillRunning: []}
    }
    const hold = rollout.kind !== 'all'
    const made = isThere ? before : await cloud.services.deploy(short, worker, {hold, signal, step})
    if (!made.ready) throw await deployFailed(made, context, {again: 'deploy'})
    const routing = routeByRollout(rollout, before, made, tag)
    const isRight = isRouted(made, routing)
    if (!isRight) step(`Move the traffic of ${short}`)
    const service = isRight ? made : await cloud.services.route(short, routing, {signal})
    await alignJob(service, context)
    const [missing, stillRunning] = await Promise.all([
      cloud.inspection.missingConnections(pipeline, {signal}),
      readStillRunning(service, context),
    ])
    return {
      image,
      service,
      ...previous,
      unchanged: isThere && isRight,
      dryRun,
      stillRunning,
      ...(missing.length === 0 ? {} : {gap: gapOf(missing)}),
    }
  })
}

/** Whether the service's newest revision is ready and runs just this. */
export function isRunning({image, livenessPort}: WorkerImage, service: ServiceState): boolean {
  return service.ready && service.image === image && service.livenessPort === livenessPort
}

/**
 * Gives all traffic to the newest ready revision, which ends a successful canary.
 * @throws AppError `not-set-up`, `locked`
 */
export async function promote(context: Context): Promise<DeployResult> {
  const {cloud, pipeline, signal, step} = context
  if ((await cloud.services.get(pipeline.names.service)) === undefined) throw notSetUp(context)
  return withLock('deploy', context, async () => {
    const before = await existing(context)
    const routing = routeToLatest(before)
    const unchanged = isRouted(before, routing)
    const result = {
      previousRevision: stableRevision(before),
      previousImage: await servingImage(before, context),
      unchanged,
      dryRun: false,
    }
    if (!unchanged) step(`All traffic to ${before.latestReadyRevision ?? 'the newest revision'}`)
    const service = unchanged ? before : await cloud.services.route(before.name, routing, {signal})
    await alignJob(service, context)
    return {
      ...result,
      image: (await servingImage(service, context)) ?? service.image,
      service,
      stillRunning: unchanged ? [] : await readStillRunning(service, context),
    }
  })
}

/** A setup that ended before it created a service, such as without docker, leaves a pipeline that status shows. */
async function notDeployable(context: Context): Promise<AppError> {
  const {cloud, pipeline, signal} = context
  const {name} = pipeline.settings
  const made = await cloud.inspection.leftovers(pipeline, {signal}).catch((error: unknown) => {
    if (error instanceof AppError) return []
    throw error
  })
  if (made.length === 0) return notSetUp(context)
  return new AppError(`The setup of pipeline ${name} did not finish: there is no service to deploy to.`, {
    code: 'not-set-up',
    suggestions: [suggest`Finish it: ${command('setup')}`],
  })
}

async function existing(context: Context): Promise<ServiceState> {
  const service = await context.cloud.services.get(context.pipeline.names.service)
  if (service === undefined) throw notSetUp(context)
  return service
}
