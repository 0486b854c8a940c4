import type {LocalCloudStatus} from './admin-routes.ts'
import {compose, type LocalCloudOptions, type RunningCloud} from './composition.ts'
import {explainStart} from './start-errors.ts'

export type {LocalCloudOptions} from './composition.ts'
export type {LocalCloudStatus} from './admin-routes.ts'
export {IAM_MODES, type IamMode} from './iam/enforcement.ts'
export type {LoggedRequest} from './wire/request-log.ts'
export type {ListedInstance as InstanceStatus} from './run/index.ts'
export {LocalCloudError} from './start-errors.ts'
export {type FaultRule, parseFaults} from './wire/fault-rules.ts'

/**
 * Google Cloud on 127.0.0.1, as far as a pipeline needs it: Cloud Storage, Pub/Sub, Cloud Run, Secret Manager,
 * Logging, Monitoring, IAM and Artifact Registry on one port, over Google's own protocols.
 *
 * `await using cloud = await LocalCloud.start({stateFolder})` stops it and its instances at the end of the block.
 */
export class LocalCloud implements AsyncDisposable {
  /** Origin that serves every API, e.g. `http://127.0.0.1:24510`. */
  readonly endpoint: string
  readonly status: () => LocalCloudStatus
  readonly #running: RunningCloud

  private constructor(running: RunningCloud) {
    this.endpoint = running.endpoint
    this.status = running.status
    this.#running = running
  }

  /**
   * Starts on a state folder; waiting deliveries resume.
   * @throws LocalCloudError if the folder or a port cannot be used
   */
  static async start(options: LocalCloudOptions): Promise<LocalCloud> {
    try {
      return new LocalCloud(await compose(options))
    } catch (error) {
      throw await explainStart(error, options.stateFolder)
    }
  }

  /** Accepts no more requests and gives instances ten seconds to end; everything else stays in the state folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]()
  }
}
