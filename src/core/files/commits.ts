import {RESULT_METADATA, sidecarObject, type ErrorReport} from '../../../worker/contract.ts'
import {isLater, newerResult, newestSource, sourceOf} from '../../../worker/outcome.ts'
import {isJsonObject} from '../json.ts'
import type {ListRange, ObjectStore, StoredObject} from '../ports/objects.ts'
import type {FileError, FileStatus, Hop, HopName} from './files.ts'
import {compareNames} from './names.ts'
import {commandFor, suggest, type Suggestion} from '../suggestion.ts'

/** What a worker wrote about one object name, as metadata. */
export interface Commits {
  /** The result, or the `outputs.json` of several outputs. */
  readonly result: StoredObject | undefined
  readonly error: StoredObject | undefined
  readonly report: StoredObject | undefined
  /** Marks a file that was handed over to a job. */
  readonly job?: StoredObject | undefined
}

/** What became of one generation of an input object. */
export type Verdict =
  | {readonly kind: 'open'}
  | {readonly kind: 'done'; readonly commit: StoredObject}
  | {readonly kind: 'failed'; readonly commit: StoredObject}
  /** A newer generation was processed; this one never will be. */
  | {readonly kind: 'superseded'; readonly by: string}

/** The generation of the input that an object of the output bucket was created from. */
export function sourceGeneration(object: StoredObject | undefined): string | undefined {
  return object?.metadata[RESULT_METADATA.sourceGeneration]
}

/** Value of `cancelled` if a run was stopped; of a file that had ended, its state: only requests to process it again are. */
export const STOPPED_RUN = 'true'

/** Whether an `error.json` was written by `cancel`. */
export function isCancellation(error: StoredObject): boolean {
  return error.metadata[RESULT_METADATA.cancelled] !== undefined
}

/** Whether `reprocess` requested the file again after this `error.json` was written. */
export function isRequestedAgain(error: StoredObject): boolean {
  return error.metadata[RESULT_METADATA.requested] !== undefined
}

/**
 * Decides by the worker's contract: the commit of the larger source generation counts, and of two of the same
 * generation the one created later; a cancellation does not override an existing result.
 */
export function judge(generation: string, {result, error}: Commits): Verdict {
  const wanted = BigInt(generation)
  const newest = newestSource(result, error)
  if (newest === undefined || newest < wanted) return {kind: 'open'}
  if (newest > wanted) return {kind: 'superseded', by: String(newest)}
  const isOfIt = (commit: StoredObject) => sourceOf(commit) === wanted
  if (
    error !== undefined &&
    isOfIt(error) &&
    (result === undefined || !isOfIt(result) || (isLater(error, result) && !isCancellation(error)))
  ) {
    return {kind: 'failed', commit: error}
  }
  return result === undefined ? {kind: 'open'} : {kind: 'done', commit: result}
}

/** What counts as a file's result by the worker's contract: the `outputs.json` of several outputs once it is complete. */
export function resultOf(
  single: StoredObject | undefined,
  outputs: StoredObject | undefined,
): StoredObject | undefined {
  const isComplete = outputs?.metadata[RESULT_METADATA.pending] === undefined
  return newerResult(single, isComplete ? outputs : undefined)
}

/** Bytes of a result: of several outputs, their total. */
export function sizeOf(result: StoredObject): number {
  return Number(result.metadata[RESULT_METADATA.outputsSize] ?? result.sizeBytes)
}

/** Reads what was written about an object: concurrent metadata reads. */
export async function readCommits(objects: ObjectStore, bucket: string, object: string): Promise<Commits> {
  const [single, outputs, error, report, job] = await Promise.all([
    objects.stat(bucket, object),
    objects.stat(bucket, sidecarObject(object, 'outputs.json')),
    objects.stat(bucket, sidecarObject(object, 'error.json')),
    objects.stat(bucket, sidecarObject(object, 'report.json')),
    objects.stat(bucket, sidecarObject(object, 'job.json')),
  ])
  return {result: resultOf(single, outputs), error, report, job}
}

/**
 * Reads what was written about objects by listings of the names between them.
 * @returns what was written about one of them
 */
export async function listCommits(
  objects: ObjectStore,
  bucket: string,
  names: readonly string[],
): Promise<(object: string) => Commits> {
  const listed = await listNamed(objects, bucket, [
    rangeOf(names),
    rangeOf(names.flatMap((name) => [sidecarObject(name, 'error.json'), sidecarObject(name, 'report.json')])),
  ])
  return (object) => ({
    result: resultOf(listed.get(object), listed.get(sidecarObject(object, 'outputs.json'))),
    error: listed.get(sidecarObject(object, 'error.json')),
    report: listed.get(sidecarObject(object, 'report.json')),
    job: listed.get(sidecarObject(object, 'job.json')),
  })
}

/** Lists the objects between the first and the last of these names, by their names. */
export function listBetween(
  objects: ObjectStore,
  bucket: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, StoredObject>> {
  return listNamed(objects, bucket, [rangeOf(names)])
}

async function listNamed(
  objects: ObjectStore,
  bucket: string,
  ranges: readonly Required<Pick<ListRange, 'startOffset' | 'endOffset'>>[],
): Promise<ReadonlyMap<string, StoredObject>> {
  const found = new Map<string, StoredObject>()
  await Promise.all(
    ranges.map(async (range) => {
      for await (const object of objects.list(bucket, range)) found.set(object.name, object)
    }),
  )
  return found
}

/** From the first to the last of these names. A blank more ends it: the end is exclusive. */
function rangeOf([first = '', ...others]: readonly string[]) {
  const at = {startOffset: first, endOffset: first}
  for (const name of others) {
    if (compareNames(name, at.startOffset) < 0) at.startOffset = name
    if (compareNames(name, at.endOffset) > 0) at.endOffset = name
  }
  return {...at, endOffset: `${at.endOffset} `}
}

/** Reads an `error.json`. @returns `undefined` if it is not valid */
export async function readErrorReport(
  objects: ObjectStore,
  commit: StoredObject,
): Promise<FileError | undefined> {
  const value = await objects.readJson(commit)
  if (!isErrorReport(value)) return undefined
  const isCancelled = commit.metadata[RESULT_METADATA.cancelled] !== undefined && value.code === 'cancelled'
  return isCancelled ? {...value, suggestions: [afterCancel(value.object)]} : value
}

/** What to do about a cancelled file. */
export function afterCancel(object: string): Suggestion {
  return suggest`Process it again: ${commandFor('reprocess', object)}`
}

/**
 * The points that a finished file passed. `processed` is known only if a report was written. A reprocessed file waited
 * in the bucket until it was requested again, which does not count as the pipeline's time.
 */
export function hopsOf(
  input: {readonly uploadedAt: string},
  commit: StoredObject | undefined,
  report: StoredObject | undefined,
): Hop[] {
  const metadata = commit?.metadata ?? {}
  const isReportOfIt = report !== undefined && sourceGeneration(report) === sourceGeneration(commit)
  const points: [HopName, string | undefined][] = [
    ['uploaded', input.uploadedAt],
    ['notified', metadata[RESULT_METADATA.published]],
    ['delivered', metadata[RESULT_METADATA.started]],
    ['processed', isReportOfIt ? report.timeCreated : undefined],
    ['written', commit?.timeCreated],
  ]
  const hops: Hop[] = []
  let before: number | undefined
  for (const [name, at] of points) {
    const time = Date.parse(at ?? '')
    if (at === undefined || Number.isNaN(time)) continue
    // Clocks of different machines differ by milliseconds; a hop never takes negative time.
    const isAsked = name === 'notified' && metadata[RESULT_METADATA.reprocessId] !== undefined
    const since = isAsked ? time : (before ?? time)
    hops.push({
      name,
      at,
      durationMs: Math.max(0, Math.round(time - since)),
      ...(isAsked ? {reprocessed: true as const} : {}),
    })
    before = time
  }
  return hops
}

/** The status of a generation that has a verdict, without the contents of its `error.json`. */
export function finished(
  input: Pick<FileStatus, 'object' | 'generation' | 'sizeBytes' | 'uploadedAt' | 'input'>,
  verdict: Exclude<Verdict, {kind: 'open'}>,
  commits: Commits,
): FileStatus {
  const base = {
    object: input.object,
    generation: input.generation,
    sizeBytes: input.sizeBytes,
    uploadedAt: input.uploadedAt,
    ...(input.input === undefined ? {} : {input: input.input}),
  }
  if (verdict.kind === 'superseded') {
    return {
      ...base,
      state: 'failed',
      attempts: 0,
      hops: hopsOf(input, undefined, undefined),
      error: {
        code: 'superseded',
        message: `A newer upload under the same name (generation ${verdict.by}) was processed instead.`,
        suggestions: [suggest`See its result: ${commandFor('results', input.object)}`],
        object: input.object,
        generation: input.generation,
      },
    }
  }
  const {commit} = verdict
  const attempts = Number(commit.metadata[RESULT_METADATA.attempt] ?? 1)
  const hops = hopsOf(input, commit, verdict.kind === 'done' ? commits.report : undefined)
  const revision = commit.metadata[RESULT_METADATA.revision]
  const by = revision === undefined ? {} : {revision}
  if (verdict.kind === 'failed') return {...base, state: 'failed', attempts, hops, ...by}
  const outputs = commit.metadata[RESULT_METADATA.outputs]
  return {
    ...base,
    state: 'done',
    attempts,
    hops,
    ...by,
    result: {
      bucket: commit.bucket,
      object: commit.name,
      generation: commit.generation,
      sizeBytes: sizeOf(commit),
      ...(outputs === undefined ? {} : {outputs: Number(outputs)}),
    },
  }
}

function isErrorReport(value: object): value is ErrorReport {
  return (
    isJsonObject(value) &&
    typeof value['code'] === 'string' &&
    typeof value['message'] === 'string' &&
    Array.isArray(value['suggestions'])
  )
}
