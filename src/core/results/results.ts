import type {Report} from '../../../worker/contract.ts'
import {isJsonObject} from '../json.ts'
import type {Context} from '../ports/context.ts'
import {AppError} from '../errors.ts'
import {prepareOutput, writeOutput, type OutputTarget} from '../output.ts'
import {readJson, sourceGeneration} from '../files/commits.ts'
import {sidecarObject} from '../../../worker/contract.ts'
import {faultText, type FileStatus} from '../files/files.ts'
import {commandFor} from '../shell.ts'
import {readNamedFiles} from '../files/read-files.ts'
import {recordFetched} from './fetched.ts'
import {readPreview, type Preview} from './preview.ts'

export interface ResultsRequest {
  readonly object: string
  /** Where the result goes: a file (absolute path) or a stream (`--output -`). Absent: summary only. */
  readonly output?: OutputTarget
  /** Rows of the preview, default 5. */
  readonly previewRows?: number
}

export interface Results {
  /** `failed` files have `error`, `done` ones `result`. */
  readonly file: FileStatus
  /** Absent where the worker writes none. */
  readonly report: Report | undefined
  /** First rows of a CSV result: its columns and some rows; absent for other results. */
  readonly preview: Preview | undefined
  /** Where the result was written. */
  readonly written: {readonly file: string; readonly sizeBytes: number} | undefined
}

/**
 * What became of an object: its newest generation's result or error, and the result's bytes where they are wanted.
 * A file that failed has no bytes to write: `written` is then absent.
 * @throws AppError `object-unknown`; `result-missing` where it is not finished; `output-exists` without force;
 * `output-unwritable`
 */
export async function results(
  {object, output, previewRows = 5}: ResultsRequest,
  context: Context,
): Promise<Results> {
  const {cloud, pipeline, signal} = context
  if (output !== undefined) await prepareOutput(output)
  const [file] = await readNamedFiles([object], context)
  if (file === undefined) throw new TypeError('readNamedFiles answers for each name')
  if (file.state === 'failed') return {file, report: undefined, preview: undefined, written: undefined}
  const commit =
    file.result && (await cloud.objects.stat(file.result.bucket, file.result.object, file.result.generation))
  if (commit === undefined) throw notFinished(file)

  const {bucket, name, generation} = commit
  const read = () => cloud.objects.read(bucket, name, {generation, signal})
  const sidecar = await cloud.objects.stat(pipeline.names.outputBucket, sidecarObject(object, 'report.json'))
  const isOfIt = sidecar !== undefined && sourceGeneration(sidecar) === file.generation
  const report: unknown = isOfIt ? await readJson(cloud.objects, sidecar, signal) : undefined
  const preview = await readPreview(cloud.objects, commit, previewRows, signal)
  const written = output && (await writeOutput(await read(), output, signal))
  if (written !== undefined) await recordFetched(context, commit)
  return {file, report: isReport(report) ? report : undefined, preview, written}
}

function notFinished({object, state, attempts, lastError}: FileStatus): AppError {
  const explained = {
    waiting: `${object} is waiting for its turn${attempts > 0 ? ` after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}` : ''}.`,
    running: `${object} is in work (attempt ${attempts}).`,
    dead: `${object} is dead: each of ${attempts} attempts failed, and it lies in the dead letters.`,
    done: `The result of ${object} was replaced just now.`,
    failed: `${object} failed.`,
  }[state]
  const reason = lastError === undefined ? '' : ` The last attempt: ${faultText(lastError)}`
  return new AppError(`There is no result yet: ${explained}${reason}`, {
    code: 'result-missing',
    suggestions: [
      `See what its worker says: ${commandFor('logs', object)}`,
      ...(state === 'dead'
        ? [`Send it again: ${commandFor('redrive', object)}`]
        : [`See where it stands: ${commandFor('status', object)}`]),
    ],
  })
}

function isReport(value: unknown): value is Report {
  return (
    isJsonObject(value) &&
    'rows' in value &&
    'metrics' in value &&
    'coefficients' in value &&
    Array.isArray(value['coefficients'])
  )
}
