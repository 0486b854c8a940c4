import type {Context} from '../context.ts'
import type {PlannedResource, ServiceState} from '../ports.ts'

/** The stages of `setup`, in order. */
export type SetupStage = 'infrastructure' | 'image' | 'service' | 'canary'

export interface SetupRequest {
  /** Absolute folder of the user's own worker; `undefined` for the packaged one. */
  readonly workerFolder: string | undefined
  /** Called as each stage begins. */
  readonly stage?: (stage: SetupStage) => void
}

export interface SetupResult {
  /** Everything that the pipeline consists of, with what was done to it. */
  readonly resources: readonly PlannedResource[]
  /** Reference with digest. */
  readonly image: string
  /** Whether a new revision was made. */
  readonly deployed: boolean
  readonly service: ServiceState
  /** `undefined` where nothing had changed and none was sent. */
  readonly canary: {readonly durationMs: number} | undefined
}

/**
 * Makes the pipeline, or mends it: what is already as it should be is left alone.
 * @throws AppError `locked` while another setup runs here, `deploy-failed`, `canary-failed`
 */
export async function setup(request: SetupRequest, context: Context): Promise<SetupResult> {
  throw new Error(`not written yet ${String(request)} ${String(context)}`)
}
