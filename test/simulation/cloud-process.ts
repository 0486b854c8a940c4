import {LocalCloud} from '../../src/local-cloud/index.ts'
import {DISK, theDisk} from './disk.ts'
import {describe, type SimulatedProcess, theWorld} from './world.ts'

export const PORT = 8000

/** The local cloud as a simulated process, which starts again when it has ended. */
export class CloudProcess {
  readonly #world = theWorld()
  process: SimulatedProcess | undefined
  #cloud: LocalCloud | undefined
  #isOver = false

  /** Whether it serves. */
  get isReady(): boolean {
    return this.#cloud !== undefined
  }

  start(): void {
    const world = this.#world
    const process = world.start('cloud', () => {
      world.log('starts')
      const open = async (): Promise<void> => {
        this.#cloud = await LocalCloud.start({
          stateFolder: `${DISK}/state`,
          port: PORT,
          iam: 'off',
          report: (error) => {
            if (process.isAlive) world.violate(`the local cloud reports: ${describe(error)}`)
          },
        })
        world.log('is ready')
      }
      open().catch((error: unknown) => {
        world.log(`does not start: ${error instanceof Error ? error.message : String(error)}`)
        world.end(process, {code: 1})
      })
    })
    this.process = process
    process.onEnd.push(() => {
      this.#cloud = undefined
      theDisk().abandon()
      const afterMs = world.whole(100, 20_000)
      world.log(`cloud has ended, starts again in ${afterMs} ms`)
      if (!this.#isOver) world.schedule(afterMs, () => this.start(), 'world')
    })
  }

  /** As SIGKILL. */
  kill(): void {
    if (this.process !== undefined) this.#world.end(this.process, {code: undefined})
  }

  losePower(): void {
    this.process?.onEnd.push(() => theDisk().losePower())
    this.kill()
  }

  /** As SIGTERM. */
  stop(): void {
    const {process} = this
    const cloud = this.#cloud
    if (process === undefined || cloud === undefined) return
    this.#cloud = undefined
    this.#world.schedule(
      0,
      () => {
        this.#world.log('stops')
        cloud[Symbol.asyncDispose]().then(
          () => this.#world.end(process, {code: 0}),
          (error: unknown) => {
            this.#world.log(
              `does not stop cleanly: ${error instanceof Error ? error.message : String(error)}`,
            )
            this.#world.end(process, {code: 1})
          },
        )
      },
      process,
    )
  }

  /** Ends it; it does not start again. */
  finish(): void {
    this.#isOver = true
    this.kill()
  }
}
