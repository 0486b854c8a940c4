import type {Context} from '../context.ts'
import type {ServiceState} from '../ports.ts'
import {notSetUp} from '../status/status.ts'
import {withLock} from '../setup/lock.ts'
import {buildAndPush} from './build.ts'
import {deployFailed} from './failure.ts'

export interface DeployRequest {
  /** Absolute folder of the user's own worker; `undefined` for the packaged one. */
  readonly workerFolder: string | undefined
}

export interface DeployResult {
  /** Reference with digest. */
  readonly image: string
  readonly service: ServiceState
  readonly previousRevision: string | undefined
  readonly previousImage: string | undefined
  /** The image is the one that already runs: the worker has not changed, and no new revision was made. */
  readonly unchanged: boolean
}

/**
 * Builds the worker as it is now, pushes it, and moves the traffic to it once it is ready.
 * @throws AppError `not-set-up`; `locked`; `deploy-failed` with the revision's log lines where it does not become
 * ready: the traffic then stays where it was
 */
export async function deploy({workerFolder}: DeployRequest, context: Context): Promise<DeployResult> {
  const {cloud, pipeline, signal, step} = context
  const short = pipeline.names.service
  if ((await cloud.services.get(short)) === undefined) throw notSetUp(context)
  return withLock('deploy', context, async () => {
    const image = await buildAndPush(workerFolder, context)
    const before = await cloud.services.get(short)
    if (before === undefined) throw notSetUp(context)
    const previous = {previousRevision: before.latestReadyRevision, previousImage: before.image}
    if (before.image === image && before.ready && servesLatest(before)) {
      return {image, service: before, ...previous, unchanged: true}
    }
    const service = await cloud.services.deploy(short, image, {signal, step})
    if (!service.ready) throw await deployFailed(service, context)
    return {image, service, ...previous, unchanged: false}
  })
}

/** All traffic goes to the newest revision, not to one that it was pinned to. */
function servesLatest({traffic, latestReadyRevision}: ServiceState): boolean {
  return traffic.every(({revision}) => revision === latestReadyRevision)
}
