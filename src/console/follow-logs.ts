import {setTimeout as sleep} from 'node:timers/promises'
import {logs} from '../core/logs.ts'
import type {Context} from '../core/ports/context.ts'
import type {LogLine} from '../core/ports/logs.ts'

/** New lines are sent together this often: a page draws ten batches a second, not a thousand lines. */
const BATCH_MS = 100
const PAUSE_AFTER_FAILURE_MS = 2000

/** Follows the pipeline's logs while a page shows them. */
export class LogFollower implements AsyncDisposable {
  readonly #context: Context
  readonly #send: (lines: readonly LogLine[]) => void
  #stop: AbortController | undefined
  #following: Promise<void> = Promise.resolve()

  /** @param send receives new lines, oldest first */
  constructor(context: Context, send: (lines: readonly LogLine[]) => void) {
    this.#context = context
    this.#send = send
  }

  set isWanted(value: boolean) {
    if (value === (this.#stop !== undefined)) return
    this.#stop?.abort()
    this.#stop = value ? new AbortController() : undefined
    if (this.#stop === undefined) return
    const {signal} = this.#stop
    this.#following = this.#following.then(() => this.#follow(signal))
  }

  async #follow(signal: AbortSignal): Promise<void> {
    let batch: LogLine[] = []
    const timer = setInterval(() => {
      if (batch.length > 0) this.#send(batch)
      batch = []
    }, BATCH_MS)
    while (!signal.aborted) {
      try {
        const context = {...this.#context, signal: AbortSignal.any([signal, this.#context.signal])}
        for await (const line of logs({tail: true}, context)) batch.push(line)
      } catch {
        // The watch reports a cloud that is away; this resumes with it.
      }
      await sleep(PAUSE_AFTER_FAILURE_MS, undefined, {signal}).catch(() => {})
    }
    clearInterval(timer)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isWanted = false
    await this.#following
  }
}
