import type {Report} from '../../../worker/contract.ts'
import {type Context} from '../ports/context.ts'
import {AppError, EXIT} from '../errors.ts'
import {prepareOutput, writeOutput, type OutputTarget} from '../output.ts'
import {readCommits, sizeOf, sourceGeneration} from '../files/commits.ts'
import {sidecarObject} from '../../../worker/contract.ts'
import {faultIn, type FileStatus} from '../files/files.ts'
import {readNamedFiles} from '../files/read-files.ts'
import type {StoredObject} from '../ports/objects.ts'
import {readRuns, type Run} from '../history/runs.ts'
import {recordFetched} from './fetched.ts'
import {isReport} from './is-report.ts'
import {outcomeOfRun, type Outcome} from './of-run.ts'
import {readOutputs, writeToFolder, type FileOutput, type OutputFolder} from './outputs.ts'
import {NoPreview} from './parquet-preview.ts'
import {readPreview, type Preview} from './preview.ts'
import {commandFor, suggest, synopsis} from '../suggestion.ts'

export interface ResultsRequest {
  readonly object: string
  /** As `history` counts; absent: the newest. */
  readonly run?: number | undefined
  /** Where the result goes: a file (absolute path), a stream (`--output -`), or a folder. Absent: summary only. */
  readonly output?: OutputTarget | OutputFolder
}

const PREVIEW_ROWS = 5

export interface Results {
  /** `failed` files have `error`, `done` ones `result`. */
  readonly file: FileStatus
  /** Absent if the worker writes none. */
  readonly report: Report | undefined
  /** First rows of a result in CSV, JSON Lines or Parquet: its columns and some rows; absent for other results. */
  readonly preview: Preview | undefined
  /** Why the first rows of a result in Parquet cannot be shown. */
  readonly previewFault?: string
  /** Where the result was written. */
  readonly written: {readonly file: string; readonly sizeBytes: number} | undefined
  /** If the worker names its outputs: each, and where it was written. */
  readonly outputs?: readonly FileOutput[]
  /** Of a failed file: the result of a run before, which stays where it is. */
  readonly previous?: PreviousResult
  /** The requested run. */
  readonly run?: Run
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
  /** Number of the run that wrote it, for `results --run`. */
  readonly run?: number
}

/**
 * The outcome of an object: its newest generation's result or error, or that of one run, and, if requested, the
 * result's bytes. A failed file has no bytes to write: `written` is then absent.
 * @throws AppError `object-unknown`, `run-unknown`; `result-missing` if it is not finished, or the run's result is gone;
 * `output-exists` without force; `output-unwritable`; `usage` if several outputs do not fit into one file
 */
export async function results({object, run, output}: ResultsRequest, context: Context): Promise<Results> {
  const {cloud} = context
  if (output !== undefined && !('folder' in output)) await prepareOutput(output)
  const outcome = await (run === undefined
    ? newestOutcome(object, context)
    : outcomeOfRun(object, run, context))
  const {file, commit, report: sidecar} = outcome
  const ofRun = outcome.run === undefined ? {} : {run: outcome.run}
  if (commit === undefined) {
    if (file.state !== 'failed') throw notFinished(file)
    const isPrevious = run === undefined && file.error?.code !== 'superseded'
    const previous = isPrevious ? await findPrevious(object, context) : undefined
    return {
      file,
      report: undefined,
      preview: undefined,
      written: undefined,
      ...(previous && {previous}),
      ...ofRun,
    }
  }
  const report: unknown = sidecar && (await cloud.objects.readJson(sidecar))
  const shared = {file, report: isReport(report) ? report : undefined, ...ofRun}
  if (file.result?.outputs === undefined) {
    const preview = await previewOf(commit, context)
    return {...shared, ...preview, written: output && (await write(commit, output, context))}
  }
  const outputs = await readOutputs(commit, context)
  const [only, ...others] = outputs
  if (output === undefined) return {...shared, preview: undefined, written: undefined, outputs}
  if ('folder' in output) {
    const files = await writeToFolder(outputs, output, context)
    return {...shared, preview: undefined, written: undefined, outputs: files}
  }
  if (only === undefined || others.length > 0) throw severalOutputs(object, run, outputs)
  const written = await write({bucket: commit.bucket, ...only}, output, context)
  return {...shared, preview: undefined, written, outputs}
}

async function previewOf(
  commit: StoredObject,
  {cloud, signal}: Context,
): Promise<Pick<Results, 'preview' | 'previewFault'>> {
  try {
    return {preview: await readPreview(cloud.objects, commit, PREVIEW_ROWS, signal)}
  } catch (error) {
    if (error instanceof NoPreview) return {preview: undefined, previewFault: error.message}
    throw error
  }
}

async function newestOutcome(object: string, context: Context): Promise<Outcome> {
  const {cloud, pipeline} = context
  const [file] = await readNamedFiles([object], context)
  if (file === undefined) throw new TypeError('readNamedFiles answers for each name')
  const {result} = file
  const commit = result && (await cloud.objects.stat(result.bucket, result.object, result.generation))
  if (commit === undefined) return {file, commit: undefined, report: undefined}
  const sidecar = await cloud.objects.stat(pipeline.names.outputBucket, sidecarObject(object, 'report.json'))
  const isOfIt = sidecar !== undefined && sourceGeneration(sidecar) === file.generation
  return {file, commit, report: isOfIt ? sidecar : undefined}
}

async function findPrevious(object: string, context: Context): Promise<PreviousResult | undefined> {
  const {cloud, pipeline} = context
  const [{result}, runs] = await Promise.all([
    readCommits(cloud.objects, pipeline.names.outputBucket, object),
    readRuns(object, context),
  ])
  const inputGeneration = sourceGeneration(result)
  if (result === undefined || inputGeneration === undefined) return undefined
  const {bucket, name, generation, timeCreated: writtenAt} = result
  const run = runs.find((one) => one.result?.generation === generation)?.number
  return {
    bucket,
    object: name,
    generation,
    sizeBytes: sizeOf(result),
    writtenAt,
    inputGeneration,
    ...(run === undefined ? {} : {run}),
  }
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

function severalOutputs(object: string, run: number | undefined, outputs: readonly FileOutput[]): AppError {
  const names = outputs.map(({name}) => name).join(', ')
  const ofRun = run === undefined ? [] : ['--run', String(run)]
  return new AppError(`${object} has ${outputs.length} outputs: ${names}.`, {
    code: 'usage',
    exitCode: EXIT.usage,
    suggestions: [
      suggest`Write them to a folder: ${synopsis('results', object, ...ofRun, '--output', 'FOLDER/')}`,
    ],
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
