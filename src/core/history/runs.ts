import {RESULT_METADATA, sidecarObject} from '../../../worker/contract.ts'
import {AppError} from '../errors.ts'
import {readErrorReport, resultOf, sizeOf, sourceGeneration, STOPPED_RUN} from '../files/commits.ts'
import {findDeparted} from '../files/departed.ts'
import type {FileError, FileState} from '../files/files.ts'
import {isPattern} from '../files/names.ts'
import {eachOf} from '../parallel.ts'
import type {Context} from '../ports/context.ts'
import type {ObjectStore, StoredObject} from '../ports/objects.ts'
import {notSetUp} from '../service/not-set-up.ts'
import {command, commandFor, suggest} from '../suggestion.ts'

const READS_AT_ONCE = 8

/** An object of the output bucket, as one run left it. */
export interface RunObject {
  readonly bucket: string
  readonly object: string
  readonly generation: string
  /** Of several outputs, their total. */
  readonly sizeBytes: number
  /** How many outputs it lists, if the worker names its outputs. */
  readonly outputs?: number
}

/** One run of a file that has ended. */
export interface Run {
  /** Counted from 1, the oldest first, among the runs that the output bucket still has. */
  readonly number: number
  readonly outcome: 'done' | 'failed' | 'cancelled'
  /** When it ended, RFC 3339. */
  readonly endedAt: string
  /** Generation of the input that it processed. */
  readonly inputGeneration: string
  readonly attempt: number
  /** Of the service, unless a job ran it. */
  readonly revision?: string
  readonly execution?: string
  /** Digest of the worker's image: `sha256:…`. */
  readonly image?: string
  /** URI of the pre-trained model; absent if the run trained one, or its worker has no report. */
  readonly model?: string
  readonly labelColumn?: string
  readonly auc?: number
  /** If it failed and its report can still be read. */
  readonly error?: FileError
  readonly result?: RunObject
  readonly report?: RunObject
  /** Replaced and only soft-deleted: it has to be restored before it can be read. */
  readonly isSoftDeleted: boolean
}

/** A version of an object, and whether it can be read. */
interface Version {
  readonly object: StoredObject
  readonly isSoftDeleted: boolean
}

/**
 * The runs of a file that have ended, the oldest first: what its result and its `error.json` were, by the output bucket's
 * versions. Those whose versions were deleted, or replaced without versioning, are only known while they are soft-deleted.
 * @throws AppError `object-unknown`, `not-set-up`
 */
export async function readRuns(object: string, context: Context): Promise<Run[]> {
  const {cloud, pipeline} = context
  const {inputBucket, outputBucket} = pipeline.names
  try {
    const versionsOf = (name: string) => listVersions(cloud.objects, outputBucket, name)
    const [singles, lists, errors, reports] = await Promise.all([
      versionsOf(object),
      versionsOf(sidecarObject(object, 'outputs.json')),
      versionsOf(sidecarObject(object, 'error.json')),
      versionsOf(sidecarObject(object, 'report.json')),
    ])
    const results = [
      ...singles.filter((version) => resultOf(version.object, undefined) !== undefined),
      ...lists.filter((version) => resultOf(undefined, version.object) !== undefined),
    ].filter((version) => sourceGeneration(version.object) !== undefined)
    const commits = [...results, ...(await failuresIn(errors, context))].toSorted(byTime)
    if (commits.length === 0) {
      const input = (await cloud.objects.stat(inputBucket, object)) ?? (await findDeparted(object, context))
      if (input === undefined) throw unknown(object, inputBucket)
    }
    return commits.map((commit, index) => runOf(index + 1, commit, reports))
  } catch (error) {
    throw error instanceof AppError && error.code === 'not-found' ? notSetUp(context, error) : error
  }
}

interface Commit extends Version {
  readonly error?: Run['error']
  readonly outcome?: Run['outcome']
}

async function listVersions(objects: ObjectStore, bucket: string, name: string): Promise<Version[]> {
  // The first name after it that a file may have, short of control characters.
  const range = {prefix: name, endOffset: `${name}!`}
  const [kept, deleted] = await Promise.all([
    Array.fromAsync(objects.list(bucket, {...range, versions: true})),
    noneIfRefused(Array.fromAsync(objects.list(bucket, {...range, softDeleted: true}))),
  ])
  return [
    ...kept.map((object) => ({object, isSoftDeleted: false})),
    ...deleted.map((object) => ({object, isSoftDeleted: true})),
  ].filter(({object}) => object.name === name)
}

/** Cloud Storage refuses to list the soft-deleted objects of a bucket without soft delete. */
async function noneIfRefused(list: Promise<StoredObject[]>): Promise<StoredObject[]> {
  try {
    return await list
  } catch (error) {
    if (error instanceof AppError && error.code === 'invalid-request') return []
    throw error
  }
}

/** The `error.json` of each failed or cancelled run; of one that `cancel` repeated, only the oldest that is left. */
async function failuresIn(errors: readonly Version[], {cloud}: Context): Promise<Commit[]> {
  const failures = new Map<Version, Commit>()
  await eachOf(errors.filter(isOfRun), READS_AT_ONCE, async (version) => {
    const report = version.isSoftDeleted ? undefined : await readErrorReport(cloud.objects, version.object)
    const isStopped =
      version.object.metadata[RESULT_METADATA.cancelled] === STOPPED_RUN || report?.code === 'cancelled'
    failures.set(version, {
      ...version,
      outcome: isStopped ? 'cancelled' : 'failed',
      ...(report === undefined ? {} : {error: report}),
    })
  })
  return errors.flatMap((version) => failures.get(version) ?? [])
}

/** Whether it stands for a run: what `cancel` wrote about a file that had failed does once the failure's own is gone. */
function isOfRun(version: Version, _index: number, all: readonly Version[]): boolean {
  const {object} = version
  const generation = sourceGeneration(object)
  const cancelled = object.metadata[RESULT_METADATA.cancelled]
  if (generation === undefined || cancelled === undefined || cancelled === STOPPED_RUN)
    return generation !== undefined
  return (
    cancelled === ('failed' satisfies FileState) &&
    !all.some((other) => sourceGeneration(other.object) === generation && byTime(other, version) < 0)
  )
}

function byTime({object: one}: Version, {object: other}: Version): number {
  return Date.parse(one.timeCreated) - Date.parse(other.timeCreated) || (one.name < other.name ? -1 : 1)
}

function runOf(
  number: number,
  {object: commit, isSoftDeleted, outcome = 'done', error}: Commit,
  reports: readonly Version[],
): Run {
  const {metadata} = commit
  const report = outcome === 'done' ? reports.find(({object}) => isSameRun(object, commit)) : undefined
  const facts = report?.object.metadata ?? {}
  const text = (name: keyof typeof RESULT_METADATA) => facts[RESULT_METADATA[name]]
  const {revision, execution, image} = RESULT_METADATA
  const auc = text('auc')
  const optional = {
    revision: metadata[revision],
    execution: metadata[execution],
    image: metadata[image],
    model: text('model'),
    labelColumn: text('labelColumn'),
    auc: auc === undefined ? undefined : Number(auc),
    error,
    result: outcome === 'done' ? reference(commit) : undefined,
    report: report === undefined ? undefined : reference(report.object),
  }
  return {
    number,
    outcome,
    endedAt: commit.timeCreated,
    inputGeneration: sourceGeneration(commit) ?? '',
    attempt: Number(metadata[RESULT_METADATA.attempt] ?? 1),
    ...given(optional),
    isSoftDeleted,
  }
}

/** Sidecars have the custom metadata of the run that wrote the result. */
function isSameRun(sidecar: StoredObject, commit: StoredObject): boolean {
  const {sourceGeneration: generation, started, messageId, reprocessId} = RESULT_METADATA
  return [generation, started, messageId, reprocessId].every(
    (name) => sidecar.metadata[name] === commit.metadata[name],
  )
}

function reference(stored: StoredObject): RunObject {
  const {bucket, name: object, generation, metadata} = stored
  const outputs = metadata[RESULT_METADATA.outputs]
  return {
    bucket,
    object,
    generation,
    sizeBytes: sizeOf(stored),
    ...(outputs === undefined ? {} : {outputs: Number(outputs)}),
  }
}

/** Without the members that are undefined. */
function given<T extends object>(members: T): {[K in keyof T]?: NonNullable<T[K]>} {
  const present: {[K in keyof T]?: NonNullable<T[K]>} = {}
  for (const name in members) {
    const value = members[name]
    if (value !== undefined && value !== null) present[name] = value
  }
  return present
}

function unknown(object: string, bucket: string): AppError {
  return new AppError(`No object ${object} in bucket ${bucket}, and no run of it.`, {
    code: 'object-unknown',
    suggestions: [
      suggest`List files: ${isPattern(object) ? commandFor('status', object) : command('status')}`,
    ],
  })
}
