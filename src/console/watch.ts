import {setTimeout as sleep} from 'node:timers/promises'
import {AppError} from '../core/errors.ts'
import {readAllFiles} from '../core/files/read-files.ts'
import type {Context} from '../core/ports/context.ts'
import {readPipeline} from '../core/status.ts'
import type {Render} from '../core/suggestion.ts'
import type {Overview, Problem} from './api.ts'
import type {EventStream} from './event-stream.ts'
import {FileIndex} from './file-index.ts'
import {rendered} from './rendered.ts'

/** Reading may take this share of the time: a large pipeline is read less often. */
const PAUSE_PER_READ = 4
/** Google allows 60 reads of the logs a minute (cloud.google.com/logging/quotas), and a look takes two. */
const SHORTEST_PAUSE_MS = {local: 700, gcp: 5000} as const
const PAUSE_AFTER_PROBLEM_MS = 2000

export interface WatchOptions {
  readonly context: Context
  readonly events: EventStream
  readonly render: Render
  readonly explain: (error: unknown) => Problem
}

/** Reads the pipeline and its files again and again while a page is open, and sends what changed. */
export class Watch implements AsyncDisposable {
  readonly files = new FileIndex()
  readonly #options: WatchOptions
  readonly #ended = new AbortController()
  readonly #loop: Promise<void>
  #overview: Overview | undefined
  #problem: Problem | undefined
  /** Ends the pause before the next read. */
  #hurry = new AbortController()
  /** Settles after the next read. */
  #next = Promise.withResolvers<void>()
  readonly #first = this.#next
  #isWatched = false
  /** Milliseconds since 1970. */
  #readAt = 0

  constructor(options: WatchOptions) {
    this.#options = options
    this.#loop = this.#run()
  }

  /** The state that was last read. @throws AppError if nothing was read yet */
  get overview(): Overview {
    if (this.#overview !== undefined) return this.#overview
    throw new AppError(this.#problem?.message ?? 'Nothing was read yet.', {code: 'unavailable'})
  }

  /** What a page that connects gets first. */
  get first(): readonly (readonly ['overview', Overview] | readonly ['problem', Problem])[] {
    if (this.#problem !== undefined) return [['problem', this.#problem]]
    return this.#overview === undefined ? [] : [['overview', this.#overview]]
  }

  /** Whether a page is open: without one, nothing is read. */
  set isWatched(value: boolean) {
    const begins = value && !this.#isWatched
    this.#isWatched = value
    if (begins) this.#hurry.abort()
  }

  /** Reads at once, after something was changed. */
  async readNow(): Promise<void> {
    this.#hurry.abort()
    await this.#next.promise
  }

  /** Waits until what was read is no older than an open page would have it. */
  async current(): Promise<void> {
    await this.#first.promise
    if (!this.#isWatched && Date.now() - this.#readAt > this.#shortestPauseMs) await this.readNow()
  }

  get #shortestPauseMs(): number {
    return SHORTEST_PAUSE_MS[this.#options.context.pipeline.settings.target]
  }

  async #run(): Promise<void> {
    const {signal} = this.#ended
    while (!signal.aborted) {
      const began = performance.now()
      this.#hurry = new AbortController()
      const next = this.#next
      this.#next = Promise.withResolvers()
      await this.#look()
      this.#readAt = Date.now()
      next.resolve()
      const pause = Math.max(this.#shortestPauseMs, PAUSE_PER_READ * (performance.now() - began))
      await this.#pause(this.#problem === undefined ? pause : PAUSE_AFTER_PROBLEM_MS)
    }
    this.#next.resolve()
  }

  async #pause(ms: number): Promise<void> {
    const interrupted = AbortSignal.any([this.#ended.signal, this.#hurry.signal])
    const wait = this.#isWatched ? sleep(ms, undefined, {signal: interrupted}) : aborted(interrupted)
    await wait.catch(() => {})
  }

  async #look(): Promise<void> {
    const {context, events, render, explain} = this.#options
    try {
      const [{pipeline, refused}, files] = await Promise.all([readPipeline(context), readAllFiles(context)])
      this.files.replace(files)
      const counts = this.files.counts()
      const before = this.#problem === undefined ? this.#overview : undefined
      const overview: Overview = {
        version: String(this.files.version),
        readAt: new Date().toISOString(),
        pipeline: rendered(pipeline, render),
        counts,
        ...(refused === undefined || counts.waiting === 0 ? {} : {refusedPushes: refused}),
      }
      this.#problem = undefined
      this.#overview = overview
      if (before === undefined || !isSame(before, overview)) events.send('overview', overview)
    } catch (error) {
      if (this.#ended.signal.aborted) return
      const problem = explain(error)
      const isKnown = this.#problem?.message === problem.message
      this.#problem = problem
      if (!isKnown) events.send('problem', problem)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    await this.#loop
  }
}

function isSame(one: Overview, other: Overview): boolean {
  return JSON.stringify({...one, readAt: ''}) === JSON.stringify({...other, readAt: ''})
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), {once: true})
  })
}
