import {isWanted} from '../../../worker/contract.ts'
import type {Settings} from '../settings/settings.ts'
import type {Context} from '../ports/context.ts'
import type {StoredObject} from '../ports/objects.ts'
import {AppError} from '../errors.ts'
import {eachOf} from '../parallel.ts'
import {createActivityReader, type Activity, type OpenFile} from './activity.ts'
import {finished, isCancellation, isRequestedAgain, judge, readCommits, readErrorReport} from './commits.ts'
import {fileKey, readDeadLetters, type DeadLetters} from './dead-letters.ts'
import {findDeparted} from './departed.ts'
import type {FileStatus} from './files.ts'
import {readHandOver} from './hand-over.ts'
import {mergeFiles, type ListedFile} from './merge.ts'
import {standing} from './state.ts'
import {command, suggest} from '../suggestion.ts'

const LOOKS_AT_ONCE = 8
/** Error reports to read when all files are listed; other failed files show their state only. */
const MOST_ERROR_REPORTS = 50

/** Reads named files, in the given order. @throws AppError `object-unknown` that names all unknown ones */
export async function readNamedFiles(objects: readonly string[], context: Context): Promise<FileStatus[]> {
  const {cloud, pipeline} = context
  const files = await findNamedFiles(objects, context)
  const found = new Set(files.map(({object}) => object))
  const unknown = objects.filter((object) => !found.has(object))
  if (unknown.length === 0) return files
  if ((await cloud.services.get(pipeline.names.service)) === undefined) {
    throw new AppError(`Pipeline ${pipeline.settings.name} does not exist.`, {
      code: 'not-set-up',
      suggestions: [suggest`Create it: ${command('setup')}`],
    })
  }
  throw new AppError(`No object ${unknown.join(', ')} in bucket ${pipeline.names.inputBucket}.`, {
    code: 'object-unknown',
    suggestions: [suggest`List files: ${command('status')}`],
  })
}

/** Reads those of the named files that exist, in the given order. */
export async function findNamedFiles(objects: readonly string[], context: Context): Promise<FileStatus[]> {
  const {cloud, pipeline} = context
  const found = new Map<string, ListedFile>()
  await eachOf(new Set(objects), LOOKS_AT_ONCE, async (object) => {
    const [input, commits] = await Promise.all([
      cloud.objects.stat(pipeline.names.inputBucket, object),
      readCommits(cloud.objects, pipeline.names.outputBucket, object),
    ])
    const file = input === undefined ? await findDeparted(object, context) : {input, commits}
    if (file !== undefined) found.set(object, file)
  })
  return settle(
    objects.flatMap((object) => found.get(object) ?? []),
    context,
  )
}

/** All files, newest upload first: for a pipeline with few. */
export async function readAllFiles(context: Context): Promise<FileStatus[]> {
  const files: ListedFile[] = []
  for await (const page of mergeFiles('', context, 'whole')) files.push(...page)
  files.sort((one, other) => Date.parse(other.input.timeCreated) - Date.parse(one.input.timeCreated))
  return settle(files, context)
}

/** What the dead letters and the logs say about open files. */
export interface OpenEvidence {
  readonly dead: DeadLetters
  /** By `fileKey`. */
  readonly activities: ReadonlyMap<string, Activity>
}

/**
 * What a file's commits say.
 * @returns `undefined` if it is open, or failed: only the logs and the dead letters know whether it was requested again
 * since then
 */
export function endOf(
  {input, commits}: ListedFile,
  settings: Pick<Settings, 'filter' | 'afterwards'>,
): 'done' | 'failed' | 'ignored' | undefined {
  const {kind} = judge(input.generation, commits)
  if (kind === 'open') return isWanted(input.name, settings) ? undefined : 'ignored'
  if (kind === 'superseded') return 'failed'
  return kind === 'done' ? 'done' : undefined
}

/** What identifies a file to the logs; of a failed one, the runs since then. */
export function openFileOf(file: ListedFile): OpenFile {
  const {name: object, generation, timeCreated: uploadedAt} = file.input
  return {object, generation, uploadedAt: failedAt(file) ?? uploadedAt}
}

function failedAt(file: ListedFile): string | undefined {
  return failureOf(file)?.timeCreated
}

/** The `error.json` of a file that failed. */
export function failureOf({input, commits}: ListedFile): StoredObject | undefined {
  const verdict = judge(input.generation, commits)
  return verdict.kind === 'failed' ? verdict.commit : undefined
}

/**
 * Determines the state of a file without a verdict that lasts.
 * @returns `undefined` if it failed and was not tried again
 */
export async function standingOf(
  file: ListedFile,
  {dead, activities}: OpenEvidence,
  context: Context,
): Promise<ReturnType<typeof standing> | undefined> {
  const {name, generation} = file.input
  const {job} = file.commits
  const failure = failureOf(file)
  const failed = failure?.timeCreated
  const isCancelled = file.commits.error !== undefined && isCancellation(file.commits.error)
  const isNew = (time: string | undefined) =>
    time !== undefined && (failed === undefined || Date.parse(time) > Date.parse(failed))
  const key = fileKey(name, generation)
  const activity = activities.get(key)
  const letter = dead.get(key)
  const evidence = {
    letter: isNew(letter?.publishedAt) ? letter : undefined,
    handedOver: isNew(job?.timeCreated) ? await readHandOver(name, generation, job, context) : undefined,
    // The attempt that failed may have logged after its report was written, and one that was cancelled ends in an error.
    activity:
      failed === undefined ||
      (isNew(activity?.startedAt) &&
        (activity?.state === 'running' ||
          ((!isCancelled || (failure !== undefined && isRequestedAgain(failure))) &&
            isNew(activity?.lastError?.at))))
        ? activity
        : undefined,
  }
  const isWithout = Object.values(evidence).every((part) => part === undefined)
  if (failure !== undefined && isWithout && !isRequestedAgain(failure)) return undefined
  return standing({...evidence, settings: context.pipeline.settings})
}

/**
 * Determines each file's state; reads logs and dead letters only if a file has no result.
 * @param known what they say about each of these files, if it was read already
 */
export async function settle(
  files: readonly ListedFile[],
  context: Context,
  known?: OpenEvidence,
): Promise<FileStatus[]> {
  const {settings} = context.pipeline
  const open = files.filter((file) => endOf(file, settings) === undefined).map((file) => openFileOf(file))
  const evidence =
    open.length === 0
      ? {dead: new Map<never, never>(), activities: new Map<never, never>()}
      : (known ?? (await readEvidence(open, context)))
  let reports = 0
  const statuses = new Map<ListedFile, FileStatus>()
  await eachOf(files, LOOKS_AT_ONCE, async (file) => {
    const {input, commits} = file
    const base = {
      object: input.name,
      generation: input.generation,
      sizeBytes: input.sizeBytes,
      uploadedAt: input.timeCreated,
      ...(input.input === undefined ? {} : {input: input.input}),
    }
    const found = endOf(file, settings) === undefined ? await standingOf(file, evidence, context) : undefined
    if (found !== undefined) {
      statuses.set(file, {
        ...base,
        hops: [{name: 'uploaded', at: base.uploadedAt, durationMs: 0}],
        ...found,
      })
      return
    }
    const verdict = judge(input.generation, commits)
    if (verdict.kind === 'open') {
      statuses.set(file, {...base, state: 'ignored', attempts: 0, hops: []})
      return
    }
    const status = finished(base, verdict, commits)
    const isRead = verdict.kind === 'failed' && reports++ < MOST_ERROR_REPORTS
    const error = isRead ? await readErrorReport(context.cloud.objects, verdict.commit) : undefined
    statuses.set(file, error === undefined ? status : {...status, error})
  })
  return files.flatMap((file) => statuses.get(file) ?? [])
}

async function readEvidence(open: readonly OpenFile[], context: Context): Promise<OpenEvidence> {
  const [dead, activities] = await Promise.all([
    readDeadLetters(context),
    createActivityReader(context).read(open),
  ])
  return {dead, activities}
}
