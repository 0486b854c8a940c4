import {onTestFinished} from 'vitest'
import {dev, type DevEvent, type DevRequest} from '../../src/core/dev/dev.ts'
import type {Context} from '../../src/core/ports/context.ts'

/** Runs `dev` until the test ends. @returns what `pick` finds in the first event that has it, past or to come */
export function startDev(
  request: Pick<DevRequest, 'workerFolder' | 'debug'>,
  context: Context,
): <T>(pick: (event: DevEvent) => T | undefined) => Promise<T> {
  const stop = new AbortController()
  const events: DevEvent[] = []
  let woken = Promise.withResolvers<void>()
  const running = dev(
    {
      ...request,
      model: undefined,
      reprocess: false,
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
  return async (pick) => {
    for (;;) {
      for (const event of events) {
        const found = pick(event)
        if (found !== undefined) return found
      }
      woken = Promise.withResolvers()
      await Promise.race([woken.promise, running])
    }
  }
}
