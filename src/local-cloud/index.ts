import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import type {Control, LocalCloudStatus} from './admin-routes.ts'
import {compose, type LocalCloudOptions, type RunningCloud} from './composition.ts'
import {explainStart} from './start-errors.ts'
import {listSnapshots, prepareState, recoverState, replaceState, saveSnapshot} from './state/snapshots.ts'
import {type AdvancingClock, createAdvancingClock} from './wire/advancing-clock.ts'
import {ApiError} from './wire/api-error.ts'
import {systemClock} from './wire/clock.ts'

export type {LocalCloudOptions} from './composition.ts'
export type {LocalCloudStatus} from './admin-routes.ts'
export {IAM_MODES, type IamMode} from './iam/enforcement.ts'
export type {LoggedRequest} from './wire/request-log.ts'
export type {ListedInstance as InstanceStatus} from './run/index.ts'
export {LocalCloudError} from './start-errors.ts'
export {type BoundAddress, parseBoundAddress} from './bound-address.ts'
export {type FaultRule, parseFaults} from './wire/fault-rules.ts'

const SNAPSHOT_NAME = /^[\w-][\w.-]{0,99}$/

/**
 * Google Cloud on 127.0.0.1, as far as a pipeline needs it: Cloud Storage, Pub/Sub, Cloud Run, Secret Manager,
 * Logging, Monitoring, IAM and Artifact Registry on one port, over Google's own protocols.
 *
 * `await using cloud = await LocalCloud.start()` stops it and its instances at the end of the block.
 */
export class LocalCloud implements AsyncDisposable, Control {
  readonly #options: LocalCloudOptions & {readonly stateFolder: string}
  readonly #isTemporary: boolean
  #clock: AdvancingClock
  #running: RunningCloud | undefined
  /** Until what starts it again, or stops it, has ended. */
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(options: LocalCloudOptions, stateFolder: string) {
    this.#options = {...options, stateFolder}
    this.#isTemporary = options.stateFolder === undefined
    this.#clock = createAdvancingClock(options.clock ?? systemClock)
  }

  /**
   * Starts on a state folder; waiting deliveries resume.
   * @throws LocalCloudError if the folder or a port cannot be used
   */
  static async start(options: LocalCloudOptions = {}): Promise<LocalCloud> {
    const {stateFolder = await mkdtemp(join(tmpdir(), 'local-cloud-'))} = options
    const cloud = new LocalCloud(options, stateFolder)
    try {
      await recoverState(stateFolder)
      await cloud.#open()
      return cloud
    } catch (error) {
      throw await explainStart(error, stateFolder)
    }
  }

  /** Origin that serves every API, e.g. `http://127.0.0.1:24510`; the same after a reset. */
  get endpoint(): string {
    return this.#opened.endpoint
  }

  status(): LocalCloudStatus {
    return this.#opened.status()
  }

  advanceTime(ms: number): string {
    this.#clock.advance(ms)
    return new Date(this.#clock.now()).toISOString()
  }

  reset(): Promise<void> {
    return this.#restart()
  }

  saveSnapshot(name: string): void {
    if (!SNAPSHOT_NAME.test(name))
      throw new ApiError(
        'INVALID_ARGUMENT',
        `${name} cannot name a snapshot: use letters, digits, ".", "_" and "-".`,
      )
    saveSnapshot(this.#opened.state, name)
  }

  async loadSnapshot(name: string): Promise<void> {
    const names = await this.snapshots()
    if (!names.includes(name))
      throw new ApiError('NOT_FOUND', `No snapshot ${name}; there is ${names.join(', ') || 'none'}.`)
    try {
      await this.#restart(name)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new ApiError(
        'FAILED_PRECONDITION',
        `Snapshot ${name} cannot be loaded, so the state is the same as before: ${reason}`,
      )
    }
  }

  snapshots(): Promise<string[]> {
    return listSnapshots(this.#options.stateFolder)
  }

  /** Accepts no more requests and gives instances ten seconds to end; everything else stays in the state folder. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#inTurn(async () => {
      await this.#running?.[Symbol.asyncDispose]()
      if (this.#isTemporary) await rm(this.#options.stateFolder, {recursive: true, force: true})
    })
  }

  get #opened(): RunningCloud {
    if (this.#running === undefined) throw new ApiError('UNAVAILABLE', 'The local cloud is not running.')
    return this.#running
  }

  async #open(ports?: RunningCloud['ports']): Promise<void> {
    const given = ports === undefined ? {} : {ports}
    this.#running = await compose({...this.#options, ...given, clock: this.#clock, control: this})
  }

  /** Starts again on a snapshot, or else on an empty state; if that fails, on the state as it was. */
  #restart(snapshot?: string): Promise<void> {
    return this.#inTurn(async () => {
      const {ports} = this.#opened
      await prepareState(this.#options.stateFolder, snapshot)
      await this.#opened[Symbol.asyncDispose]()
      this.#clock = createAdvancingClock(this.#options.clock ?? systemClock)
      try {
        await replaceState(this.#options.stateFolder, () => this.#open(ports))
      } catch (error) {
        await this.#open(ports)
        throw error
      }
    })
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}
