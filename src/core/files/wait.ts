import {setTimeout as sleep} from 'node:timers/promises'
import {RESULT_METADATA, sidecarObject, isWanted} from '../../../worker/contract.ts'
import type {Context} from '../ports/context.ts'
import {EXIT} from '../errors.ts'
import {eachOf} from '../parallel.ts'
import {type ActivityReader, createActivityReader} from './activity.ts'
import {
  finished,
  isCancellation,
  judge,
  listBetween,
  listCommits,
  readCommits,
  readErrorReport,
  sourceGeneration,
  type Commits,
  type Verdict,
} from './commits.ts'
import {fileKey, readDeadLetters} from './dead-letters.ts'
import {type FileStatus, hasEnded} from './files.ts'
import {readHandOver} from './hand-over.ts'
import {type StoredObject} from '../ports/objects.ts'
import {withWarnings} from './warnings.ts'
import {standing} from './state.ts'

/** Results are polled often at first, since a file may be done in a second, and rarely later. */
const FIRST_PAUSE_MS = 150
const LONGEST_PAUSE_MS = 5000
const PAUSE_GROWTH = 1.25
/** Logs and dead letters have their own quotas (60 reads of the logs a minute); they are polled no more often. */
const SLOW_LOOK_MS = 5000
const FIRST_SLOW_LOOK_MS = 1000
/** Polling many files may take long: it takes at most this share of the time. */
const PAUSE_PER_LOOK = 4
const LOOKS_AT_ONCE = 8
/** What was written for more files than this is listed, since their names lie together, until few are left. */
const MOST_SINGLE_LOOKS = 20
const FEW_LEFT = 4
/** A listing that takes longer has many other names between them: more files are then read one by one. */
const LONG_LISTING_MS = 1000
/** While files end, the next look comes after this share of the time that the others will take. */
const PAUSE_PER_REST = 0.5

/** A generation of an input object whose result is awaited. */
export interface AwaitedFile {
  readonly object: string
  readonly generation: string
  readonly sizeBytes: number
  /** RFC 3339. */
  readonly uploadedAt: string
  /** If it is reprocessed: only what was written for this request counts. */
  readonly reprocessId?: string
  /** Generation of a cancellation (`error.json`) older than the request, which does not count. */
  readonly cancellation?: string
}

/**
 * What to wait for when a file is notified again.
 * @param error its `error.json`, read before publishing the notification
 */
export function awaitedAgain(
  {name: object, generation, sizeBytes, timeCreated: uploadedAt}: StoredObject,
  reprocessId: string | undefined,
  error: StoredObject | undefined,
): AwaitedFile {
  return {
    object,
    generation,
    sizeBytes,
    uploadedAt,
    ...(reprocessId === undefined ? {} : {reprocessId}),
    ...(error !== undefined && isCancellation(error) ? {cancellation: error.generation} : {}),
  }
}

/** The `error.json` of an object, if it has one. */
export function findError(
  object: string,
  {cloud, pipeline}: Pick<Context, 'cloud' | 'pipeline'>,
): Promise<StoredObject | undefined> {
  return cloud.objects.stat(pipeline.names.outputBucket, sidecarObject(object, 'error.json'))
}

export interface WaitOptions {
  /** Milliseconds; `undefined`: no limit. */
  readonly timeoutMs: number | undefined
  /** Called whenever a file's state or attempts change. */
  readonly changed?: (file: FileStatus) => void
}

export interface WaitResult {
  readonly files: readonly FileStatus[]
  /** 0 all done, 3 some failed or dead, 124 timed out. */
  readonly exitCode: number
}

/**
 * Waits until exactly these generations have a result, an error, or are dead. A timeout is not thrown: the exit code
 * reports it, and the files have their state so far.
 * @throws AppError from the ports; the signal's reason
 */
export async function waitForResults(
  files: readonly AwaitedFile[],
  {timeoutMs, changed}: WaitOptions,
  context: Context,
): Promise<WaitResult> {
  const {signal} = context
  const {settings} = context.pipeline
  const initial = (file: AwaitedFile): FileStatus =>
    isWanted(file.object, settings) ? waiting(file) : {...waiting(file), state: 'ignored'}
  const states = new Map<string, FileStatus>(files.map((file) => [keyOf(file), initial(file)]))
  for (const status of states.values()) if (status.state === 'ignored') changed?.(status)
  const report = (status: FileStatus) => {
    const before = states.get(keyOf(status))
    states.set(keyOf(status), status)
    if (before?.state !== status.state || before.attempts !== status.attempts) changed?.(status)
  }
  const open = () => files.filter((file) => isOpen(states.get(keyOf(file))))
  let few = FEW_LEFT
  const isListed = ({length}: readonly AwaitedFile[]) => files.length > MOST_SINGLE_LOOKS && length > few
  const looks: Looks = {isListed, report, context}

  const activityReader = createActivityReader(context)
  const began = performance.now()
  let slowLookAt = began + FIRST_SLOW_LOOK_MS
  let pause = FIRST_PAUSE_MS
  for (let ended = 0; ;) {
    const lookedAt = performance.now()
    await lookAtResults(open(), looks)
    const now = performance.now()
    if (now - lookedAt > LONG_LISTING_MS) few = MOST_SINGLE_LOOKS
    const endedBefore = ended
    ended = files.length - open().length
    const rest = ended > endedBefore ? ((now - began) / ended) * open().length : Infinity
    // Files that end soon need no other evidence.
    if (rest < SLOW_LOOK_MS) slowLookAt = Math.max(slowLookAt, now + FIRST_SLOW_LOOK_MS)
    if (open().length > 0 && now >= slowLookAt) {
      await lookAround(open(), states, activityReader, looks)
      const tookMs = performance.now() - now
      slowLookAt = now + tookMs + Math.max(SLOW_LOOK_MS, PAUSE_PER_LOOK * tookMs)
    }
    if (open().length === 0) break
    const left = timeoutMs === undefined ? Infinity : timeoutMs - (performance.now() - began)
    if (left <= 0) {
      await lookAround(open(), states, activityReader, looks)
      if (open().length === 0) break
      return {files: inOrder(files, states), exitCode: EXIT.timeout}
    }
    pause = Math.min(pause, Math.max(FIRST_PAUSE_MS, rest * PAUSE_PER_REST))
    await sleep(Math.min(pause, left), undefined, {signal})
    pause = Math.min(pause * PAUSE_GROWTH, LONGEST_PAUSE_MS)
  }
  const ended = inOrder(files, states)
  const all = ended.length > MOST_SINGLE_LOOKS ? ended : await withWarnings(ended, context)
  return {files: all, exitCode: all.every(({state}) => state === 'done') ? 0 : EXIT.fileFailed}
}

interface Looks {
  /** Whether to list what was written about files that are left, instead of reading it for each. */
  readonly isListed: (left: readonly AwaitedFile[]) => boolean
  readonly report: (status: FileStatus) => void
  readonly context: Context
}

/** Reports files that have a result or an error of their generation. */
async function lookAtResults(files: readonly AwaitedFile[], looks: Looks): Promise<void> {
  const {report} = looks
  const {cloud, signal} = looks.context
  const commitsOf = await commitsOfAll(files, looks)
  await eachOf(files, LOOKS_AT_ONCE, async (file) => {
    signal.throwIfAborted()
    const commits = await commitsOf(file.object)
    const verdict = cancellationOf(file, commits) ?? judge(file.generation, commits)
    if (verdict.kind === 'open' || !isOfRequest(verdict, file)) return
    const status = finished(file, verdict, commits)
    const error = verdict.kind === 'failed' ? await readErrorReport(cloud.objects, verdict.commit) : undefined
    report(error === undefined ? status : {...status, error})
  })
}

async function commitsOfAll(
  files: readonly AwaitedFile[],
  {isListed, context: {cloud, pipeline}}: Looks,
): Promise<(object: string) => Commits | Promise<Commits>> {
  const {outputBucket} = pipeline.names
  return isListed(files)
    ? listCommits(cloud.objects, outputBucket, namesOf(files))
    : (object) => readCommits(cloud.objects, outputBucket, object)
}

function namesOf(files: readonly AwaitedFile[]): string[] {
  return files.map(({object}) => object)
}

/** The request was cancelled: a result of an earlier run then does not matter. */
function cancellationOf(
  {generation, reprocessId, cancellation}: AwaitedFile,
  {result, error}: Commits,
): Verdict | undefined {
  if (error === undefined || !isCancellation(error) || error.generation === cancellation) return undefined
  const isDone =
    sourceGeneration(result) === generation &&
    (reprocessId === undefined || result?.metadata[RESULT_METADATA.reprocessId] === reprocessId)
  return sourceGeneration(error) === generation && !isDone ? {kind: 'failed', commit: error} : undefined
}

/** Whether the verdict belongs to the awaited request, not to an earlier run. */
function isOfRequest(
  verdict: Exclude<Verdict, {kind: 'open'}>,
  {reprocessId, cancellation}: AwaitedFile,
): boolean {
  if (verdict.kind === 'failed' && isCancellation(verdict.commit))
    return verdict.commit.generation !== cancellation
  return (
    reprocessId === undefined ||
    verdict.kind === 'superseded' ||
    verdict.commit.metadata[RESULT_METADATA.reprocessId] === reprocessId
  )
}

/** What the results do not show: files in progress, dead, or deleted before their turn. */
async function lookAround(
  files: readonly AwaitedFile[],
  states: ReadonlyMap<string, FileStatus>,
  activityReader: ActivityReader,
  looks: Looks,
): Promise<void> {
  const {report, context} = looks
  const {inputBucket, outputBucket} = context.pipeline.names
  const {settings} = context.pipeline
  const {objects} = context.cloud
  const isListed = looks.isListed(files)
  const [dead, activities, commitsOf, inputs] = await Promise.all([
    readDeadLetters(context),
    activityReader.read(files),
    isListed ? commitsOfAll(files, looks) : undefined,
    isListed ? listBetween(objects, inputBucket, namesOf(files)) : undefined,
  ])
  const absent: AwaitedFile[] = []
  await eachOf(files, LOOKS_AT_ONCE, async (file) => {
    const found = dead.get(keyOf(file))
    // The awaited request may not be the one that ended this way.
    const letter =
      file.reprocessId === undefined || found?.reprocessId === file.reprocessId ? found : undefined
    const activity = activities.get(keyOf(file))
    const mark = commitsOf
      ? (await commitsOf(file.object)).job
      : await objects.stat(outputBucket, sidecarObject(file.object, 'job.json'))
    const handedOver = await readHandOver(file.object, file.generation, mark, context, file.reprocessId)
    if (letter ?? activity ?? handedOver)
      return report({...waiting(file), ...standing({letter, handedOver, activity, settings})})
    const live = inputs ? inputs.get(file.object) : await objects.stat(inputBucket, file.object)
    // A newer upload of the name ends in its own result, which supersedes this one.
    if (live === undefined) absent.push(file)
  })
  if (absent.length === 0) return
  // A worker that archives or deletes its input has written the result before.
  const written = await commitsOfAll(absent, looks)
  await eachOf(absent, LOOKS_AT_ONCE, async (file) => {
    const verdict = judge(file.generation, await written(file.object))
    if (verdict.kind !== 'open' && isOfRequest(verdict, file)) return
    const status = states.get(keyOf(file)) ?? waiting(file)
    report({...status, state: 'failed', error: goneReport(file)})
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
