import {setTimeout as sleep} from 'node:timers/promises'
import type {Context} from './ports/context.ts'
import {status, type Status, type StatusRequest} from './status.ts'

/** Logs may be read 60 times a minute (cloud.google.com/logging/quotas), and a look reads them a few times. */
const PAUSE_MS = {local: 1000, gcp: 10_000} as const
/** Listing many files takes long: it takes at most this share of the time. */
const PAUSE_PER_LOOK = 2

/**
 * The pipeline and its files, again and again until the signal is aborted.
 * @throws the signal's reason; as `status` does
 */
export async function* watchStatus(request: StatusRequest, context: Context): AsyncGenerator<Status> {
  const {signal, pipeline} = context
  for (;;) {
    const began = performance.now()
    yield await status(request, context)
    const pauseMs = Math.max(PAUSE_MS[pipeline.settings.target], PAUSE_PER_LOOK * (performance.now() - began))
    await sleep(pauseMs, undefined, {signal}).catch(() => signal.throwIfAborted())
  }
}
