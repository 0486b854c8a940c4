import {onTestFinished} from 'vitest'
import {dev, type DevEvent, type DevRequest} from '../../src/core/dev/dev.ts'
import type {Context} from '../../src/core/ports/context.ts'

/** A running `dev`, which ends with the test. */
export interface RunningDev {
  readonly events: readonly DevEvent[]
  readonly stop: AbortController
  readonly running: Promise<unknown>
  /** What `pick` finds in the first event that has it, past or to come. @param from index of the first event to look at */
  readonly seen: <T>(pick: (event: DevEvent) => T | undefined, from?: () => number) => Promise<T>
}

/** Runs `dev` until the test ends. */
export function startDev(
  request: Pick<DevRequest, 'workerFolder' | 'debug'> & Partial<Pick<DevRequest, 'reprocess'>>,
  context: Context,
): RunningDev {
  const stop = new AbortController()
  const events: DevEvent[] = []
  let woken = Promise.withResolvers<void>()
  const running = dev(
    {
      model: undefined,
      reprocess: false,
      ...request,
      onEvent(event) {
        events.push(event)
        woken.resolve()
      },
    },
    {...context, signal: stop.signal},
  )
  onTestFinished(async () => {
    stop.abort(new Error('enough'))
    await running.catch(() => undefined)
  })
  return {
    events,
    stop,
    running,
    async seen(pick, from = () => 0) {
      for (;;) {
        for (const event of events.slice(from())) {
          const found = pick(event)
          if (found !== undefined) return found
        }
        woken = Promise.withResolvers()
        await Promise.race([woken.promise, running])
      }
    },
  }
}
