import {setTimeout as sleep} from 'node:timers/promises'
import {isTransient, type AppError} from './errors.ts'
import type {Context} from './ports/context.ts'
import {status, type Status, type StatusRequest} from './status.ts'

/** Logs may be read 60 times a minute (cloud.google.com/logging/quotas), and a look reads them a few times. */
const PAUSE_MS = {local: 1000, gcp: 10_000} as const
/** Listing many files takes long: it takes at most this share of the time. */
const PAUSE_PER_LOOK = 2

/** What was last read. */
export interface Look {
  readonly status: Status
  /** Milliseconds since the epoch. */
  readonly readAt: number
  /** Why reading it again failed since then; the next look tries once more. */
  readonly problem?: AppError
}

/**
 * The pipeline and its files, again and again until the signal is aborted. After the first look, an error that may pass
 * does not end it.
 * @throws the signal's reason; as `status` does
 */
export async function* watchStatus(request: StatusRequest, context: Context): AsyncGenerator<Look> {
  const {signal, pipeline} = context
  let last: Look | undefined
  for (;;) {
    const began = performance.now()
    try {
      last = {status: await status(request, context), readAt: Date.now()}
    } catch (error) {
      signal.throwIfAborted()
      if (last === undefined || !isTransient(error)) throw error
      last = {...last, problem: error}
    }
    yield last
    const pauseMs = Math.max(PAUSE_MS[pipeline.settings.target], PAUSE_PER_LOOK * (performance.now() - began))
    await sleep(pauseMs, undefined, {signal}).catch(() => signal.throwIfAborted())
  }
}
