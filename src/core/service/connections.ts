import type {Context} from '../ports/context.ts'
import {AppError} from '../errors.ts'

/**
 * Why files that are uploaded now reach no worker, as far as it shows without sending one: a setup that ended early
 * leaves a bucket whose uploads nobody hears of. `undefined`: nothing is seen to be missing, or may not be looked at.
 */
export async function findGap(context: Context): Promise<string | undefined> {
  const {cloud, pipeline, signal} = context
  try {
    const [service, missing] = await Promise.all([
      cloud.services.get(pipeline.names.service),
      cloud.inspection.missingConnections(pipeline, {signal}),
    ])
    if (missing.length > 0) return gapOf(missing)
    return service?.latestReadyRevision === undefined
      ? 'no revision of the worker has become ready'
      : undefined
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof AppError) return undefined
    throw error
  }
}

/** Missing connections in words. */
export function gapOf(missing: readonly string[]): string {
  return `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing`
}
