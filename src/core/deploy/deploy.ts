import type {Context} from '../context.ts'
import type {ServiceState} from '../ports.ts'

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
  /** The image is the one that already ran: the worker has not changed. */
  readonly unchanged: boolean
}

/**
 * Builds the worker as it is now, pushes it, and moves the traffic to it once it is ready.
 * @throws AppError `not-set-up`; `deploy-failed` with the revision's log lines where it does not become ready
 */
export async function deploy(request: DeployRequest, context: Context): Promise<DeployResult> {
  throw new Error(`not written yet ${String(request)} ${String(context)}`)
}
