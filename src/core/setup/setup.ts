import type {Context} from '../ports/context.ts'
import type {Debugger} from '../command-worker/build.ts'
import {checkGiven} from '../doctor/given.ts'
import {requireAll} from '../doctor/prerequisites.ts'
import {provideSecrets} from '../secrets/provide.ts'
import {buildAndPush} from '../deploy/build.ts'
import {isRunning} from '../deploy/deploy.ts'
import {deployFailed} from '../service/failure.ts'
import {alignJob} from '../service/job.ts'
import {routeBeside} from '../service/traffic.ts'
import {AppError} from '../errors.ts'
import {filterWarnings} from '../files/filter-warnings.ts'
import type {PlannedResource} from '../ports/infrastructure.ts'
import {type ServiceState, type WorkerImage} from '../ports/services.ts'
import {chooseFiles} from '../reprocess.ts'
import {placeModel, type PlannedModel} from '../model/plan-model.ts'
import {sendCanary} from './canary.ts'
import {withLock} from '../lock.ts'

/** The stages of `setup`, in order. */
export type SetupStage = 'infrastructure' | 'image' | 'service' | 'canary'

export interface SetupRequest {
  /** Absolute folder of a custom worker; `undefined` for the packaged one. */
  readonly workerFolder: string | undefined
  /** The model that scores files; `undefined`: the worker trains one for each. */
  readonly model?: PlannedModel | undefined
  /** Debugger to start in each instance; on the local cloud only. */
  readonly debug?: Debugger | undefined
  /** Called once what the settings name exists, before anything is created. */
  readonly checked?: () => Promise<void>
  /** Called as each stage starts. */
  readonly stage?: (stage: SetupStage) => void
}

export interface SetupResult {
  /** All resources of the pipeline, with what was done to each. */
  readonly resources: readonly PlannedResource[]
  /** Reference with digest. */
  readonly image: string
  /** Whether a new revision was created. */
  readonly deployed: boolean
  readonly service: ServiceState
  /** Files uploaded before notifications existed, which were never delivered. */
  readonly undelivered: number
  readonly warnings: readonly string[]
  /** From upload to answer. */
  readonly canary: {readonly durationMs: number}
}

/**
 * Creates or repairs the pipeline; anything already correct is left alone, including the service. Traffic that a
 * rollback or a canary has given to a revision by name stays there. Ends with a canary through the whole pipeline.
 * @throws AppError `prerequisites-missing` before anything is created; `locked` while another command changes the pipeline for longer than two minutes, `deploy-failed`,
 * `canary-failed`
 */
export async function setup(
  {workerFolder, model, debug, checked, stage}: SetupRequest,
  context: Context,
): Promise<SetupResult> {
  const {cloud, pipeline, signal, step} = context
  return withLock('setup', context, async () => {
    requireAll(await checkGiven(context))
    await checked?.()
    const hasNewValues = await provideSecrets(context)

    stage?.('infrastructure')
    const before = await cloud.services.get(pipeline.names.service)
    // A model needs the bucket first. Until then the service keeps its current one.
    const asBefore = {...pipeline, model: before?.model}
    const foundation = await cloud.infrastructure.apply(asBefore, {image: undefined, signal, step})
    const placed = model && (await placeModel(model, context))

    stage?.('image')
    const worker = await buildAndPush(workerFolder, context, debug)
    const {image, livenessPort} = worker

    stage?.('service')
    // A probe belongs to its image: it would end another worker.
    if (before !== undefined && before.livenessPort !== livenessPort) await becomeReady(worker, context)
    const currentImage = (before && (await cloud.services.get(pipeline.names.service)))?.image
    const wanted = {...pipeline, model: placed, livenessPort, currentImage}
    const rest = await applyService(image, {...context, pipeline: wanted})
    const ready = await becomeReady(worker, context, hasNewValues ? before?.latestCreatedRevision : undefined)
    const service = before === undefined ? ready : await keepTraffic(before, ready, context)
    await alignJob(service, context)

    stage?.('canary')
    const canary = await sendCanary(context)
    return {
      resources: withFoundation(rest, foundation),
      image,
      deployed: service.latestReadyRevision !== before?.latestReadyRevision,
      service,
      undelivered: await countUndelivered([...foundation, ...rest], context),
      warnings: await filterWarnings(context),
      canary,
    }
  })
}

/** If the bucket already existed but its notifications did not, its files had no event. */
async function countUndelivered(done: readonly PlannedResource[], context: Context): Promise<number> {
  const {inputBucket} = context.pipeline.names
  const isMade = (kind: string, named?: string) =>
    done.some(
      ({kind: of, name, action}) =>
        of === kind && action === 'create' && (named === undefined || name === named),
    )
  if (isMade('bucket', inputBucket) || !(isMade('notification') || isMade('subscription'))) return 0
  return (await chooseFiles({failed: false, missing: true}, context)).length
}

/** The second pass finds the foundation already right: what counts is what the first pass did. */
function withFoundation(
  rest: readonly PlannedResource[],
  foundation: readonly PlannedResource[],
): PlannedResource[] {
  const key = ({kind, name}: PlannedResource) => `${kind} ${name}`
  const done = new Map(foundation.map((resource) => [key(resource), resource]))
  return rest.map((resource) =>
    resource.action === 'none' ? (done.get(key(resource)) ?? resource) : resource,
  )
}

async function applyService(image: string, context: Context): Promise<PlannedResource[]> {
  const {cloud, pipeline, signal, step} = context
  try {
    return await cloud.infrastructure.apply(pipeline, {image, signal, step})
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'deploy-failed') throw error
    const service = await cloud.services.get(pipeline.names.service)
    throw service === undefined
      ? error
      : await deployFailed({...service, problem: service.problem ?? error.message}, context, {
          again: 'setup',
          cause: error,
        })
  }
}

/**
 * Creates a revision for the image if it has none; one that failed before may succeed now.
 * @param outdated a revision that has old values of secrets
 */
async function becomeReady(worker: WorkerImage, context: Context, outdated?: string): Promise<ServiceState> {
  const {cloud, pipeline, signal, step} = context
  const name = pipeline.names.service
  const service = await cloud.services.get(name)
  // Terraform leaves the image of an existing service alone, so a plan never reverts a deploy.
  const isOutdated = outdated !== undefined && service?.latestCreatedRevision === outdated
  if (service !== undefined && isRunning(worker, service) && !isOutdated) return service
  const again = await cloud.services.deploy(name, worker, {hold: false, signal, step})
  if (!again.ready) throw await deployFailed(again, context, {again: 'setup'})
  return again
}

/** Revisions created while the traffic was held never had any, so a later rollback must skip them. */
async function keepTraffic(
  before: ServiceState,
  service: ServiceState,
  {cloud, signal}: Context,
): Promise<ServiceState> {
  const isHeld = service.traffic.every(({latest, percent}) => !latest || percent === 0)
  if (!isHeld || service.latestCreatedRevision === before.latestCreatedRevision) return service
  const all = (await cloud.services.revisions(service.name)).map(({name}) => name)
  const made = all.slice(0, Math.max(0, all.indexOf(before.latestCreatedRevision ?? '')))
  return cloud.services.route(service.name, routeBeside(made, service), {signal})
}
