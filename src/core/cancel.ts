import {Readable} from 'node:stream'
import {RESULT_METADATA, sidecarObject, type ErrorReport} from '../../worker/contract.ts'
import type {Context} from './ports/context.ts'
import {AppError} from './errors.ts'
import {eachOf} from './parallel.ts'
import {afterCancel, isCancellation, sourceGeneration, STOPPED_RUN} from './files/commits.ts'
import {hasEnded, type FileState, type FileStatus} from './files/files.ts'
import {readHandOver} from './files/hand-over.ts'
import {findNamedFiles} from './files/read-files.ts'
import {selectFiles} from './files/select.ts'
import {render} from './suggestion.ts'

const AT_ONCE = 8
/** `ifGenerationMatch` of an object that does not exist yet. */
const ABSENT = '0'

/** A file whose processing was stopped. */
export interface StoppedFile {
  readonly object: string
  readonly generation: string
  /** Before it was stopped. */
  readonly state: FileState
  /** Execution of the job that was cancelled. */
  readonly execution?: string
}

export interface CancelResult {
  /** Were waiting or running; now failed with the code `cancelled`. */
  readonly cancelled: readonly StoppedFile[]
  /** Had already ended, which stays; only a reprocess request is stopped. */
  readonly ended: readonly StoppedFile[]
  /** Names of those that were deleted since they were chosen. */
  readonly gone: readonly string[]
}

/**
 * The files to cancel: those named, and of folders and globs those that run or wait; changes nothing.
 * @throws AppError `object-unknown`
 */
export async function planCancel(objects: readonly string[], context: Context): Promise<string[]> {
  const files = await selectFiles(objects, context, ['waiting', 'running'])
  return files.map(({object}) => object)
}

/**
 * Stops what runs, or waits to run, for the live generation of each object. An `error.json` beside its result marks the
 * cancellation: a worker acknowledges deliveries published before it, and aborts one in progress. An execution of the
 * job is cancelled as well. An existing result or error stays as it is.
 * @param objects as returned by `planCancel`
 * @throws what the ports throw
 */
export async function cancel(objects: readonly string[], context: Context): Promise<CancelResult> {
  const cancelled: StoppedFile[] = []
  const ended: StoppedFile[] = []
  const files = await findNamedFiles(objects, context)
  const found = new Set(files.map(({object}) => object))
  const gone = objects.filter((object) => !found.has(object))
  await eachOf(files, AT_ONCE, async (file) => {
    context.signal.throwIfAborted()
    const isStopped = await mark(file, context)
    // A file may have ended since it was read.
    const [now = file] = isStopped || hasEnded(file) ? [file] : await findNamedFiles([file.object], context)
    const {object, generation, state} = now
    const execution = await cancelExecution(file, context)
    const stopped = {object, generation, state, ...(execution === undefined ? {} : {execution})}
    if (hasEnded(now)) ended.push(stopped)
    else cancelled.push(stopped)
    context.step(object)
  })
  return {cancelled, ended, gone}
}

/** @returns the execution that ran for the file, if one did */
async function cancelExecution(
  {object, generation, job}: FileStatus,
  context: Context,
): Promise<string | undefined> {
  const {cloud, pipeline} = context
  const {outputBucket, job: jobName} = pipeline.names
  let execution = job?.execution
  if (execution === undefined) {
    const handOver = await cloud.objects.stat(outputBucket, sidecarObject(object, 'job.json'))
    execution = (await readHandOver(object, generation, handOver, context))?.job?.execution
  }
  return execution !== undefined && (await cloud.jobs.cancel(jobName, execution)) ? execution : undefined
}

/**
 * Writes the mark. For a failed file it repeats the error; a dead file needs none, since it has its dead letter.
 * @returns whether it was written: false if the file has ended in the meantime
 */
async function mark(file: FileStatus, context: Context): Promise<boolean> {
  const {cloud, pipeline, signal} = context
  const {outputBucket} = pipeline.names
  const {object, generation, state, attempts, error} = file
  if (state === 'dead') return false
  const name = sidecarObject(object, 'error.json')
  const there = await cloud.objects.stat(outputBucket, name)
  const source = BigInt(sourceGeneration(there) ?? 0)
  if (source > BigInt(generation)) return false
  if (source === BigInt(generation) && !hasEnded(file)) {
    // It is of the run before, unless it was written since the file was read.
    const [now = file] = await findNamedFiles([object], context)
    if (hasEnded(now)) return false
  }
  const {suggestions, ...fault} = error ?? {
    code: 'cancelled',
    message: 'It was cancelled.',
    suggestions: [afterCancel(object)],
    object,
    generation,
  }
  const report: ErrorReport = {...fault, suggestions: suggestions.map(render)}
  try {
    await cloud.objects.upload({
      bucket: outputBucket,
      name,
      source: {stream: Readable.from([Buffer.from(`${JSON.stringify(report, undefined, 2)}\n`)])},
      contentType: 'application/json',
      metadata: {
        [RESULT_METADATA.sourceGeneration]: generation,
        [RESULT_METADATA.attempt]: String(attempts),
        [RESULT_METADATA.cancelled]: hasEnded(file) ? file.state : STOPPED_RUN,
      },
      expectedGeneration: there?.generation ?? ABSENT,
      signal,
    })
    return true
  } catch (failure) {
    if (!(failure instanceof AppError && failure.code === 'precondition-failed')) throw failure
    // A repeated request whose first answer was lost fails against its own success.
    const now = await cloud.objects.stat(outputBucket, name)
    return now !== undefined && isCancellation(now) && sourceGeneration(now) === generation
  }
}
