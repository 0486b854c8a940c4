import {randomUUID} from 'node:crypto'
import {RESULT_METADATA} from '../../worker/contract.ts'
import {type Context} from './ports/context.ts'
import {AppError, isTransient} from './errors.ts'
import {eachOf} from './parallel.ts'
import {findArchived} from './files/departed.ts'
import {isUndelivered} from './files/files.ts'
import {notificationOf} from './files/notification.ts'
import {mergeFiles, type ListedFile} from './files/merge.ts'
import {sourceGeneration} from './files/commits.ts'
import {endOf, failureOf, settle} from './files/read-files.ts'
import type {StoredObject} from './ports/objects.ts'
import {codeOf} from './system-error.ts'
import {selectFiles} from './files/select.ts'
import {awaitedAgain, findError, type AwaitedFile} from './files/wait.ts'
import {notSetUp} from './service/not-set-up.ts'
import {suggest, synopsis} from './suggestion.ts'

const AT_ONCE = 8

/** Which files to reprocess: these names, folders and globs, or all that failed permanently, or all that were never delivered. */
export type ReprocessSelection =
  | {readonly objects: readonly string[]}
  | {readonly failed: boolean; readonly missing: boolean}

/** A file to publish a notification for. */
export interface Chosen {
  readonly object: string
  /** No delivery was ever seen: its event may be lost, or late. */
  readonly isMissing: boolean
}

export interface ReprocessResult {
  /** Notified again, each with what to wait for. */
  readonly notified: readonly AwaitedFile[]
  /** Deleted since they were chosen. */
  readonly gone: readonly string[]
  /** Archived, and another object has taken the name since they were chosen: its own upload notifies the worker. */
  readonly replaced: readonly string[]
}

/**
 * The files that a selection currently matches; changes nothing.
 * @throws AppError `object-unknown`, `not-set-up`
 */
export async function chooseFiles(selection: ReprocessSelection, context: Context): Promise<Chosen[]> {
  try {
    if ('objects' in selection) {
      const named = new Set(selection.objects)
      const all = await selectFiles(selection.objects, context)
      const files = all.filter(
        ({object, input, state}) => named.has(object) || (input !== 'deleted' && state !== 'ignored'),
      )
      const deleted = files.filter(({input}) => input === 'deleted').map(({object}) => object)
      if (deleted.length > 0)
        throw new AppError(`${deleted.join(', ')}: deleted from the input bucket after the result.`, {
          code: 'object-unknown',
          suggestions: [suggest`Upload it again: ${synopsis('upload', 'FILE')}`],
        })
      return files.map(({object}) => ({object, isMissing: false}))
    }
    return await listChosen(selection, context)
  } catch (error) {
    throw error instanceof AppError && error.code === 'not-found' ? notSetUp(context, error) : error
  }
}

/** By name; the logs are read only if it depends on them. */
async function listChosen(
  {failed, missing}: {readonly failed: boolean; readonly missing: boolean},
  context: Context,
): Promise<Chosen[]> {
  const {settings} = context.pipeline
  const chosen: Chosen[] = []
  const open: ListedFile[] = []
  for await (const files of mergeFiles('', context, 'verdict')) {
    for (const file of files) {
      const end = endOf(file, settings)
      if (end === 'failed' && failed) chosen.push({object: file.input.name, isMissing: false})
      // A file without a result may have failed if it has an error, or its job gave up.
      const {error, job} = file.commits
      if (end === undefined && (missing || (error ?? job) !== undefined)) open.push(file)
    }
  }
  const hadFailed = new Set(open.filter((file) => failureOf(file) !== undefined).map(({input}) => input.name))
  for (const file of await settle(open, context)) {
    const isMissing = isUndelivered(file)
    // Without an id, a worker would take the failure for the answer.
    if ((missing && isMissing) || (failed && file.state === 'failed'))
      chosen.push({object: file.object, isMissing: isMissing && !hadFailed.has(file.object)})
  }
  return chosen
}

/**
 * Publishes a notification for the live generation of each file; an archived file is copied back. It carries a
 * `reprocess-id`, so that the worker processes finished files again; not for a missing file, which would be processed
 * twice if its first notification were only late.
 */
export async function reprocess(files: readonly Chosen[], context: Context): Promise<ReprocessResult> {
  const {cloud, pipeline, signal, step} = context
  const {inputBucket, topic} = pipeline.names
  const id = randomUUID()
  const notified: AwaitedFile[] = []
  const gone: string[] = []
  const replaced: string[] = []
  await eachOf(files, AT_ONCE, async ({object, isMissing}) => {
    signal.throwIfAborted()
    const input = await cloud.objects.stat(inputBucket, object)
    if (input === undefined) {
      const copy = await findArchived(object, context)
      if (copy === undefined) {
        gone.push(object)
        return
      }
      // A new upload, of which Cloud Storage itself notifies the worker.
      const restored = await unlessTaken(cloud.objects.copy(copy, object, RESULT_METADATA.sourceGeneration))
      if (restored === undefined) {
        replaced.push(object)
        return
      }
      notified.push(awaitedAgain(restored, undefined, await findError(object, context)))
      step(object)
      return
    }
    const reprocessId = isMissing ? undefined : id
    const error = await findError(object, context)
    await cloud.messages.publish(topic, notificationOf(input, reprocessId), {signal})
    if (reprocessId !== undefined && error !== undefined && sourceGeneration(error) === input.generation)
      await markRequested(error, reprocessId, context)
    notified.push(awaitedAgain(input, reprocessId, error))
    step(object)
  })
  return {notified, gone, replaced}
}

/** Has the file wait in `status`, and no longer count as failed, until the worker answers the request. */
async function markRequested(error: StoredObject, reprocessId: string, {cloud}: Context): Promise<void> {
  try {
    await cloud.objects.addMetadata(error, {[RESULT_METADATA.requested]: reprocessId})
  } catch (failure) {
    // The worker was faster, the caller may only publish, or Google is busy: the request is on its way all the same.
    const isFine = ['precondition-failed', 'not-found', 'permission-denied'].includes(codeOf(failure) ?? '')
    if (!isFine && !isTransient(failure)) throw failure
  }
}

/** @returns `undefined` if the name is taken */
async function unlessTaken<T>(copying: Promise<T>): Promise<T | undefined> {
  try {
    return await copying
  } catch (error) {
    if (codeOf(error) === 'precondition-failed') return undefined
    throw error
  }
}
