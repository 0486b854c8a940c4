import type {Report} from '../../../worker/contract.ts'
import {type Context} from '../ports/context.ts'
import {AppError, EXIT} from '../errors.ts'
import {isJsonObject} from '../json.ts'
import {prepareOutput, writeOutput, type OutputTarget} from '../output.ts'
import {readCommits, readJson, sizeOf, sourceGeneration} from '../files/commits.ts'
import {sidecarObject} from '../../../worker/contract.ts'
import {faultIn, type FileStatus} from '../files/files.ts'
import {readNamedFiles} from '../files/read-files.ts'
import type {StoredObject} from '../ports/objects.ts'
import {recordFetched} from './fetched.ts'
import {readOutputs, writeToFolder, type FileOutput, type OutputFolder} from './outputs.ts'
import {readPreview, type Preview} from './preview.ts'
import {commandFor, suggest, synopsis} from '../suggestion.ts'

export interface ResultsRequest {
  readonly object: string
  /** Where the result goes: a file (absolute path), a stream (`--output -`), or a folder. Absent: summary only. */
  readonly output?: OutputTarget | OutputFolder
}

const PREVIEW_ROWS = 5

export interface Results {
  /** `failed` files have `error`, `done` ones `result`. */
  readonly file: FileStatus
  /** Absent if the worker writes none. */
  readonly report: Report | undefined
  /** First rows of a CSV result: its columns and some rows; absent for other results. */
  readonly preview: Preview | undefined
  /** Where the result was written. */
  readonly written: {readonly file: string; readonly sizeBytes: number} | undefined
  /** If the worker names its outputs: each, and where it was written. */
  readonly outputs?: readonly FileOutput[]
  /** Of a failed file: the result of a run before, which stays where it is. */
  readonly previous?: PreviousResult
}

export interface PreviousResult {
  readonly bucket: string
  /** The result, or the list of its outputs. */
  readonly object: string
  readonly generation: string
  /** Of all outputs. */
  readonly sizeBytes: number
  /** RFC 3339. */
  readonly writtenAt: string
  /** Generation of the input that it was produced from. */
  readonly inputGeneration: string
}

/**
 * The outcome of an object: its newest generation's result or error, and, if requested, the result's bytes. A failed
 * file has no bytes to write: `written` is then absent.
 * @throws AppError `object-unknown`; `result-missing` if it is not finished; `output-exists` without force;
 * `output-unwritable`; `usage` if several outputs do not fit into one file
 */
export async function results({object, output}: ResultsRequest, context: Context): Promise<Results> {
  const {cloud, pipeline, signal} = context
  if (output !== undefined && !('folder' in output)) await prepareOutput(output)
  const [file] = await readNamedFiles([object], context)
  if (file === undefined) throw new TypeError('readNamedFiles answers for each name')
  if (file.state === 'failed') {
    const previous = file.error?.code === 'superseded' ? undefined : await findPrevious(object, context)
    return {file, report: undefined, preview: undefined, written: undefined, ...(previous && {previous})}
  }
  const commit =
    file.result && (await cloud.objects.stat(file.result.bucket, file.result.object, file.result.generation))
  if (commit === undefined) throw notFinished(file)

  const sidecar = await cloud.objects.stat(pipeline.names.outputBucket, sidecarObject(object, 'report.json'))
  const isOfIt = sidecar !== undefined && sourceGeneration(sidecar) === file.generation
  const report: unknown = isOfIt ? await readJson(cloud.objects, sidecar, signal) : undefined
  const shared = {file, report: isReport(report) ? report : undefined}
  if (file.result?.outputs === undefined) {
    const preview = await readPreview(cloud.objects, commit, PREVIEW_ROWS, signal)
    return {...shared, preview, written: output && (await write(commit, output, context))}
  }
  const outputs = await readOutputs(commit, context)
  const [only, ...others] = outputs
  if (output === undefined) return {...shared, preview: undefined, written: undefined, outputs}
  if ('folder' in output) {
    const files = await writeToFolder(outputs, output, context)
    return {...shared, preview: undefined, written: undefined, outputs: files}
  }
  if (only === undefined || others.length > 0) throw severalOutputs(object, outputs)
  const written = await write({bucket: commit.bucket, ...only}, output, context)
  return {...shared, preview: undefined, written, outputs}
}

async function findPrevious(
  object: string,
  {cloud, pipeline}: Pick<Context, 'cloud' | 'pipeline'>,
): Promise<PreviousResult | undefined> {
  const {result} = await readCommits(cloud.objects, pipeline.names.outputBucket, object)
  const inputGeneration = sourceGeneration(result)
  if (result === undefined || inputGeneration === undefined) return undefined
  const {bucket, name, generation, timeCreated: writtenAt} = result
  return {bucket, object: name, generation, sizeBytes: sizeOf(result), writtenAt, inputGeneration}
}

/** Writes one object. */
async function write(
  object: Pick<StoredObject, 'bucket' | 'name' | 'generation' | 'sizeBytes'>,
  output: OutputTarget | OutputFolder,
  context: Context,
): Promise<{file: string; sizeBytes: number}> {
  const {bucket, name, generation, sizeBytes} = object
  if ('folder' in output) {
    const [one] = await writeToFolder([{name, generation, sizeBytes, contentType: ''}], output, context)
    return {file: one?.file ?? output.folder, sizeBytes}
  }
  const bytes = await context.cloud.objects.read(bucket, name, {generation, signal: context.signal})
  const written = await writeOutput(bytes, output, context.signal)
  await recordFetched(context, object)
  return written
}

function severalOutputs(object: string, outputs: readonly FileOutput[]): AppError {
  const names = outputs.map(({name}) => name).join(', ')
  return new AppError(`${object} has ${outputs.length} outputs: ${names}.`, {
    code: 'usage',
    exitCode: EXIT.usage,
    suggestions: [suggest`Write them to a folder: ${synopsis('results', object, '--output', 'FOLDER/')}`],
  })
}

function notFinished(file: FileStatus): AppError {
  const {object, state, attempts} = file
  const isDead = state === 'dead'
  const explained = {
    waiting: `${object} is waiting for its turn${attempts > 0 ? ` after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}` : ''}.`,
    running: `${object} is being processed (attempt ${attempts}).`,
    dead: `${object} is a dead letter: each of ${attempts} attempts failed.`,
    done: `The result of ${object} was just replaced.`,
    failed: `${object} failed.`,
    ignored: `the pipeline ignores ${object}, since its filter does not match the name, or it is in the archive.`,
  }[state]
  const fault = faultIn(file)
  const reason = fault === '' ? '' : ` The last attempt: ${fault}`
  return new AppError(`No result${isDead ? '' : ' yet'}: ${explained}${reason}`, {
    code: 'result-missing',
    ...(isDead ? {exitCode: EXIT.fileFailed} : {}),
    suggestions: [
      suggest`See its logs: ${commandFor('logs', object)}`,
      isDead
        ? suggest`Send it again: ${commandFor('redrive', object)}`
        : suggest`See its state: ${commandFor('status', object)}`,
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
