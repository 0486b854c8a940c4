import {setTimeout as sleep} from 'node:timers/promises'
import {RESULT_METADATA, sidecarObject} from '../../../worker/contract.ts'
import type {Context} from '../ports/context.ts'
import {EXIT} from '../errors.ts'
import {eachOf} from '../parallel.ts'
import {type ActivityReader, createActivityReader} from './activity.ts'
import {finished, judge, listCommits, readCommits, readErrorReport, type Verdict} from './commits.ts'
import {fileKey, readDeadLetters} from './dead-letters.ts'
import {type FileStatus, hasEnded} from './files.ts'
import {readHandOver} from './hand-over.ts'
import {standing} from './standing.ts'
import {withWarnings} from './warnings.ts'

/** Looks at results begin close together, since a file may be done in a second, and end far apart. */
const FIRST_PAUSE_MS = 150
const LONGEST_PAUSE_MS = 5000
const PAUSE_GROWTH = 1.25
/** Logs and dead letters have quotas of their own (60 reads of the logs a minute): they are asked no oftener. */
const SLOW_LOOK_MS = 5000
/** Of many files a look may take long: it takes at most this part of the time. */
const PAUSE_PER_LOOK = 4
const LOOKS_AT_ONCE = 8
/** Above this, one listing of the output bucket is cheaper than looking at each. */
const MOST_SINGLE_LOOKS = 20

/** A generation of an input object that is to have a result. */
export interface AwaitedFile {
  readonly object: string
  readonly generation: string
  readonly sizeBytes: number
  /** RFC 3339. */
  readonly uploadedAt: string
  /** Where it is processed again: only what was written for this request counts. */
  readonly reprocessId?: string
}

export interface WaitOptions {
  /** Milliseconds; `undefined`: as long as it takes. */
  readonly timeoutMs: number | undefined
  /** Called whenever a file's state or attempts changed. */
  readonly changed?: (file: FileStatus) => void
}

export interface WaitResult {
  readonly files: readonly FileStatus[]
  /** 0 all done, 3 some failed or dead, 124 the time ran out. */
  readonly exitCode: number
}

/**
 * Waits until exactly these generations have a result, an error, or are dead. A timeout is not thrown: it is in the
 * exit code, and the files say how far they are.
 * @throws AppError from the ports; the signal's reason
 */
export async function waitForResults(
  files: readonly AwaitedFile[],
  {timeoutMs, changed}: WaitOptions,
  context: Context,
): Promise<WaitResult> {
  const {signal} = context
  const states = new Map<string, FileStatus>(files.map((file) => [keyOf(file), waiting(file)]))
  const report = (status: FileStatus) => {
    const before = states.get(keyOf(status))
    states.set(keyOf(status), status)
    if (before?.state !== status.state || before.attempts !== status.attempts) changed?.(status)
  }
  const open = () => files.filter((file) => isOpen(states.get(keyOf(file))))

  const activityReader = createActivityReader(context)
  const began = performance.now()
  let slowLookAt = began + 1000
  let pause = FIRST_PAUSE_MS
  for (;;) {
    await lookAtResults(open(), report, context)
    const now = performance.now()
    if (open().length > 0 && now >= slowLookAt) {
      await lookAround(open(), states, activityReader, report, context)
      const ended = performance.now()
      slowLookAt = ended + Math.max(SLOW_LOOK_MS, PAUSE_PER_LOOK * (ended - now))
    }
    if (open().length === 0) break
    const left = timeoutMs === undefined ? Infinity : timeoutMs - (performance.now() - began)
    if (left <= 0) {
      await lookAround(open(), states, activityReader, report, context)
      if (open().length === 0) break
      return {files: inOrder(files, states), exitCode: EXIT.timeout}
    }
    await sleep(Math.min(pause, left), undefined, {signal})
    pause = Math.min(pause * PAUSE_GROWTH, LONGEST_PAUSE_MS)
  }
  const ended = inOrder(files, states)
  const all = ended.length > MOST_SINGLE_LOOKS ? ended : await withWarnings(ended, context)
  return {files: all, exitCode: all.every(({state}) => state === 'done') ? 0 : EXIT.fileFailed}
}

/** Reports those that have a result or an error of their generation: a few one by one, many by one listing. */
async function lookAtResults(
  files: readonly AwaitedFile[],
  report: (status: FileStatus) => void,
  {cloud, pipeline, signal}: Context,
): Promise<void> {
  const {outputBucket} = pipeline.names
  const listed = files.length > MOST_SINGLE_LOOKS ? await listCommits(cloud.objects, outputBucket) : undefined
  await eachOf(files, LOOKS_AT_ONCE, async (file) => {
    signal.throwIfAborted()
    const commits = listed?.(file.object) ?? (await readCommits(cloud.objects, outputBucket, file.object))
    const verdict = judge(file.generation, commits)
    if (verdict.kind === 'open' || !isOfRequest(verdict, file)) return
    const status = finished(file, verdict, commits)
    const error =
      verdict.kind === 'failed' ? await readErrorReport(cloud.objects, verdict.commit, signal) : undefined
    report(error === undefined ? status : {...status, error})
  })
}

/** Whether the verdict is of the request that is waited for, not of a run before it. */
function isOfRequest(verdict: Exclude<Verdict, {kind: 'open'}>, {reprocessId}: AwaitedFile): boolean {
  return (
    reprocessId === undefined ||
    verdict.kind === 'superseded' ||
    verdict.commit.metadata[RESULT_METADATA.reprocessId] === reprocessId
  )
}

/** What the results do not tell: what is in work, what is dead, what was removed before its turn. */
async function lookAround(
  files: readonly AwaitedFile[],
  states: ReadonlyMap<string, FileStatus>,
  activityReader: ActivityReader,
  report: (status: FileStatus) => void,
  context: Context,
): Promise<void> {
  const {inputBucket, outputBucket} = context.pipeline.names
  const {maxDeliveryAttempts} = context.pipeline.settings
  const [dead, activities] = await Promise.all([readDeadLetters(context), activityReader.read(files)])
  await eachOf(files, LOOKS_AT_ONCE, async (file) => {
    const status = states.get(keyOf(file)) ?? waiting(file)
    const found = dead.get(keyOf(file))
    // What is waited for may be another request than the one that ended so.
    const letter =
      file.reprocessId === undefined || found?.reprocessId === file.reprocessId ? found : undefined
    const activity = activities.get(keyOf(file))
    const mark = await context.cloud.objects.stat(outputBucket, sidecarObject(file.object, 'job.json'))
    const handedOver = await readHandOver(file.object, file.generation, mark, context, file.reprocessId)
    if (letter ?? activity ?? handedOver)
      return report({...status, ...standing({letter, handedOver, activity, maxDeliveryAttempts})})
    const live = await context.cloud.objects.stat(inputBucket, file.object)
    // A newer upload of the name ends in its own result, which supersedes this one.
    if (live === undefined) report({...status, state: 'failed', error: goneReport(file)})
  })
}

function goneReport({object, generation}: AwaitedFile) {
  return {
    code: 'gone',
    message: 'The object was deleted from the input bucket before it was processed.',
    suggestions: ['Upload it again.'],
    object,
    generation,
  }
}

function waiting(file: AwaitedFile): FileStatus {
  return {
    object: file.object,
    generation: file.generation,
    sizeBytes: file.sizeBytes,
    uploadedAt: file.uploadedAt,
    state: 'waiting',
    attempts: 0,
    hops: [{name: 'uploaded', at: file.uploadedAt, durationMs: 0}],
  }
}

function isOpen(status: FileStatus | undefined): boolean {
  return status !== undefined && !hasEnded(status)
}

function inOrder(files: readonly AwaitedFile[], states: ReadonlyMap<string, FileStatus>): FileStatus[] {
  return files.map((file) => states.get(keyOf(file)) ?? waiting(file))
}

function keyOf({object, generation}: {readonly object: string; readonly generation: string}): string {
  return fileKey(object, generation)
}
