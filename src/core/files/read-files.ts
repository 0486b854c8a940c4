import {ARCHIVE_PREFIX, isWanted, RESERVED_PREFIX, sidecarObject} from '../../../worker/contract.ts'
import type {Context} from '../ports/context.ts'
import {AppError} from '../errors.ts'
import {eachOf} from '../parallel.ts'
import {createActivityReader} from './activity.ts'
import {
  finished,
  judge,
  listCommits,
  listCommitsBefore,
  listResults,
  readCommits,
  readErrorReport,
  sourceGeneration,
  type Commits,
} from './commits.ts'
import {fileKey, readDeadLetters} from './dead-letters.ts'
import {departedAmong, findDeparted, type Input} from './departed.ts'
import type {FileStatus} from './files.ts'
import {readHandOver} from './hand-over.ts'
import {standing} from './standing.ts'
import type {StoredObject} from '../ports/objects.ts'
import {command, suggest} from '../suggestion.ts'

const LOOKS_AT_ONCE = 8
/** Error reports to read when all files are listed; other failed files show their state only. */
const MOST_ERROR_REPORTS = 50
/** Reads named files, in the given order. @throws AppError `object-unknown` that names all unknown ones */
export async function readNamedFiles(objects: readonly string[], context: Context): Promise<FileStatus[]> {
  const {cloud, pipeline} = context
  const found = new Map<string, {input: Input; commits: Commits}>()
  await eachOf(new Set(objects), LOOKS_AT_ONCE, async (object) => {
    const [input, commits] = await Promise.all([
      cloud.objects.stat(pipeline.names.inputBucket, object),
      readCommits(cloud.objects, pipeline.names.outputBucket, object),
    ])
    const file = input === undefined ? await findDeparted(object, context) : {input, commits}
    if (file !== undefined) found.set(object, file)
  })
  const unknown = objects.filter((object) => !found.has(object))
  if (unknown.length > 0) {
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
  return settle(
    objects.flatMap((object) => found.get(object) ?? []),
    context,
  )
}

/** All files, newest upload first: two listings, one read of the dead letters, at most one of the logs. */
export async function readAllFiles(context: Context): Promise<FileStatus[]> {
  return (await readFirstFiles(Infinity, context)).files
}

/**
 * The first files by name, up to a limit, newest upload first; lists no more than that of a bucket with millions.
 * @returns whether there are more
 */
export async function readFirstFiles(
  most: number,
  context: Context,
): Promise<{files: FileStatus[]; more: boolean}> {
  const {cloud, pipeline} = context
  const {outputBucket} = pipeline.names
  const {inputs, next} = await listAllInputs(most, context)
  const commitsOf = await (next === undefined
    ? listCommits(cloud.objects, outputBucket)
    : listCommitsBefore(next, cloud.objects, outputBucket))
  const files = new Map(inputs.map((input) => [input, commitsOf(input.name)]))
  const unlisted = inputs.filter(({name}) => next?.startsWith(name) || hasHashedSidecars(name))
  await eachOf(next === undefined ? [] : unlisted, LOOKS_AT_ONCE, async (input) => {
    files.set(input, await readCommits(cloud.objects, outputBucket, input.name))
  })
  inputs.sort((one, other) => (one.timeCreated < other.timeCreated ? 1 : -1))
  const newestFirst = inputs.flatMap((input) => {
    const commits = files.get(input)
    return commits === undefined ? [] : [{input, commits}]
  })
  return {files: await settle(newestFirst, context), more: next !== undefined}
}

/** Live inputs and, if the pipeline archives or deletes them, those that are known from their results. */
async function listAllInputs(
  most: number,
  context: Context,
): Promise<{inputs: Input[]; next: string | undefined}> {
  const live = await listInputs(most, context)
  const {afterwards} = context.pipeline.settings
  if (afterwards === 'keep') return live
  const {outputBucket} = context.pipeline.names
  const {results, next = live.next} = await listResults(context.cloud.objects, outputBucket, most, live.next)
  const names = new Set(live.inputs.map(({name}) => name))
  const departed = departedAmong(results, names, afterwards === 'archive' ? 'archived' : 'deleted')
  const inputs = [...live.inputs, ...departed]
  if (next === undefined) return {inputs, next}
  return {inputs: inputs.filter(({name}) => Buffer.compare(Buffer.from(name), Buffer.from(next)) < 0), next}
}

/** First name after all those in the archive. */
const AFTER_ARCHIVE = ARCHIVE_PREFIX.replace(/\/$/, '0')

/**
 * Live inputs; archived copies are not among them.
 * @returns objects up to the limit, and the name of the next one, if any
 */
async function listInputs(
  most: number,
  {cloud, pipeline}: Context,
): Promise<{inputs: StoredObject[]; next: string | undefined}> {
  const inputs: StoredObject[] = []
  const ranges =
    pipeline.settings.afterwards === 'archive'
      ? [{endOffset: ARCHIVE_PREFIX}, {startOffset: AFTER_ARCHIVE}]
      : [{}]
  for (const range of ranges) {
    for await (const object of cloud.objects.list(pipeline.names.inputBucket, range)) {
      const {name} = object
      const isCopy = name.startsWith(ARCHIVE_PREFIX) && sourceGeneration(object) !== undefined
      if (isCopy || name.startsWith(RESERVED_PREFIX) || name.endsWith('/')) continue
      if (inputs.length === most) return {inputs, next: name}
      inputs.push(object)
    }
  }
  return {inputs, next: undefined}
}

/** Whether the name is too long to be part of its sidecars' names. */
function hasHashedSidecars(name: string): boolean {
  return !sidecarObject(name, 'report.json').includes(name)
}

/** Determines each file's state; reads logs and dead letters only if a file has no result. */
async function settle(
  files: readonly {input: Input; commits: Commits}[],
  context: Context,
): Promise<FileStatus[]> {
  const {maxDeliveryAttempts} = context.pipeline.settings
  const judged = files.map(({input, commits}) => ({
    base: {
      object: input.name,
      generation: input.generation,
      sizeBytes: input.sizeBytes,
      uploadedAt: input.timeCreated,
      ...(input.input === undefined ? {} : {input: input.input}),
    },
    commits,
    verdict: judge(input.generation, commits),
  }))
  const isIgnored = ({object}: {readonly object: string}) => !isWanted(object, context.pipeline.settings)
  const open = judged
    .filter(({base, verdict}) => verdict.kind === 'open' && !isIgnored(base))
    .map(({base}) => base)
  const [dead, activities] =
    open.length === 0
      ? [new Map<never, never>(), new Map<never, never>()]
      : await Promise.all([readDeadLetters(context), createActivityReader(context).read(open)])

  const statuses: FileStatus[] = []
  let reports = 0
  for (const {base, commits, verdict} of judged) {
    if (verdict.kind === 'open' && isIgnored(base)) {
      statuses.push({...base, state: 'ignored', attempts: 0, hops: []})
      continue
    }
    if (verdict.kind === 'open') {
      const key = fileKey(base.object, base.generation)
      const handedOver = await readHandOver(base.object, base.generation, commits.job, context)
      const evidence = {letter: dead.get(key), handedOver, activity: activities.get(key), maxDeliveryAttempts}
      const hops = [{name: 'uploaded', at: base.uploadedAt, durationMs: 0}] as const
      statuses.push({...base, hops, ...standing(evidence)})
      continue
    }
    const status = finished(base, verdict, commits)
    if (verdict.kind === 'failed' && reports < MOST_ERROR_REPORTS) {
      reports++
      const error = await readErrorReport(context.cloud.objects, verdict.commit, context.signal)
      statuses.push(error === undefined ? status : {...status, error})
    } else statuses.push(status)
  }
  return statuses
}
