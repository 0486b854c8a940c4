import {ARCHIVE_PREFIX, RESULT_METADATA, type DoneFields} from '../contract.ts'
import {toCommitted} from './commit-state.ts'
import type {Delivery} from './envelope.ts'
import {errorFields, type Log} from './log.ts'
import {ABSENT, isNotFound, isPreconditionFailed, isTransient} from './storage/index.ts'
import type {Worker} from './worker.ts'

/** cloud.google.com/storage/docs/objects#naming */
const LONGEST_NAME_BYTES = 1024

/**
 * Archives or deletes an input whose result exists, if the setting `afterwards` says so. Each step names the input's
 * generation, so a newer upload of the name stays; a delivery after a crash completes what is missing.
 * @returns what happened to it; `undefined` if it stays, or is gone already
 * @throws transient errors: refuse the delivery, and the next one tries again. Any other failure is logged, since a
 * retry would not help
 */
export async function disposeOfInput(
  worker: Worker,
  delivery: Delivery,
  log: Log,
): Promise<DoneFields['input']> {
  const {storage, settings} = worker
  const {bucket, object, generation} = delivery.event
  if (settings.afterwards === 'keep') return undefined
  try {
    if (settings.afterwards === 'archive' && !(await archive(worker, delivery, log))) return undefined
    await storage.remove({bucket, object, generation})
    return settings.afterwards === 'archive' ? 'archived' : 'deleted'
  } catch (error) {
    if (isNotFound(error)) return undefined
    // Another delivery of the file archives it right now.
    if (isPreconditionFailed(error) || isTransient(error)) throw error
    const reason = error instanceof Error ? error.message : String(error)
    log(
      'ERROR',
      `the result exists, but the input could not be ${settings.afterwards}d: ${reason}`,
      errorFields(error),
    )
    return undefined
  }
}

/** Copies the input into the archive, over an older copy of the pipeline's. @returns whether the copy is there */
async function archive({storage}: Worker, {event}: Delivery, log: Log): Promise<boolean> {
  const {bucket, object, generation} = event
  const copy = {bucket, object: `${ARCHIVE_PREFIX}${object}`}
  if (Buffer.byteLength(copy.object) > LONGEST_NAME_BYTES) {
    log('WARNING', `not archived: ${ARCHIVE_PREFIX} and its name have more than ${LONGEST_NAME_BYTES} bytes`)
    return false
  }
  const there = await storage.find(copy)
  const source = there === undefined ? undefined : toCommitted(there).source
  if (there !== undefined && source === undefined) {
    log('WARNING', `not archived: ${copy.object} exists and is not a copy of the pipeline's`)
    return false
  }
  if (source !== undefined && source >= BigInt(generation)) return true
  await storage.copy({bucket, object, generation}, copy, {
    metadata: {[RESULT_METADATA.sourceGeneration]: generation},
    expectedGeneration: there?.generation ?? ABSENT,
  })
  return true
}
