import {AppError, EXIT} from '../errors.ts'
import {gcloudFor} from '../gcloud.ts'
import type {Context} from '../ports/context.ts'
import type {StoredObject} from '../ports/objects.ts'
import {commandFor, suggest, type Suggestion} from '../suggestion.ts'
import {keepVersions} from './keep-versions.ts'
import {readRuns, type Run, type RunObject} from './runs.ts'

/**
 * One run of a file.
 * @param number as `history` counts; `undefined`: the newest one that is done
 * @throws AppError `run-unknown`, also if no run is done; as {@link readRuns}
 */
export async function readRun(object: string, number: number | undefined, context: Context): Promise<Run> {
  const runs = await readRuns(object, context)
  const run =
    number === undefined
      ? runs.findLast(({outcome}) => outcome === 'done')
      : runs.find((one) => one.number === number)
  if (run !== undefined) return run
  const some = runs.length === 1 ? 'its only run is 1' : `the runs are 1 to ${runs.length}`
  const has = runs.length === 0 ? 'none has ended yet' : some
  throw new AppError(
    number === undefined ? `No run of ${object} is done.` : `${object} has no run ${number}: ${has}.`,
    {
      code: 'run-unknown',
      ...(number === undefined ? {} : {exitCode: EXIT.usage}),
      suggestions: [suggest`List its runs: ${commandFor('history', object)}`],
    },
  )
}

/**
 * An object that a run left, to be read.
 * @throws AppError `result-missing` if it is gone, or only soft-deleted
 */
export async function openRunObject(
  {number, isSoftDeleted}: Run,
  {bucket, object, generation}: RunObject,
  context: Context,
): Promise<StoredObject> {
  const stored = isSoftDeleted ? undefined : await context.cloud.objects.stat(bucket, object, generation)
  if (stored !== undefined) return stored
  const what = `gs://${bucket}/${object}#${generation}`
  throw new AppError(
    isSoftDeleted
      ? `Run ${number} was replaced, and ${what} is soft-deleted: it cannot be read unless you restore it.`
      : `Run ${number} was replaced, and ${what} is gone.`,
    {
      code: 'result-missing',
      suggestions: [(await keepVersions(context)) ?? keptFor(context.pipeline)],
    },
  )
}

function keptFor({settings, names}: Context['pipeline']): Suggestion {
  if (settings.outputBucket !== undefined) {
    const typed = `gcloud storage buckets describe gs://${names.outputBucket}`
    return suggest`The lifecycle rules of the existing bucket say how long replaced results are kept: ${gcloudFor(settings, typed)}`
  }
  const {noncurrentDays} = settings
  return noncurrentDays === 0
    ? 'A version that was deleted by hand is not kept.'
    : `Replaced results are kept for ${noncurrentDays} days: "noncurrentDays" in cloud-runner.json changes that.`
}
