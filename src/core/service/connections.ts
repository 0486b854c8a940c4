import type {Context} from '../ports/context.ts'
import {AppError} from '../errors.ts'

/**
 * Why a file uploaded now would not reach the worker, as far as can be seen without sending one: an interrupted setup
 * leaves a bucket without notifications. `undefined`: nothing is known to be missing, or it may not be read.
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

/** Describes missing connections. */
export function gapOf(missing: readonly string[]): string {
  return `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing`
}
