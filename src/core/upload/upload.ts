import {extname} from 'node:path'
import {INPUT_METADATA} from '../../../worker/contract.ts'
import type {Context} from '../ports/context.ts'
import {AppError, EXIT, type ErrorOutput} from '../errors.ts'
import {eachOf} from '../parallel.ts'
import type {PlannedUpload} from './plan.ts'
import {command, suggest, synopsis} from '../suggestion.ts'

/** Concurrent uploads. */
const AT_ONCE = 6

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.csv': 'text/csv',
  '.tsv': 'text/tab-separated-values',
  '.txt': 'text/plain',
  '.json': 'application/json',
  '.jsonl': 'application/x-ndjson',
  '.ndjson': 'application/x-ndjson',
  '.parquet': 'application/vnd.apache.parquet',
  '.gz': 'application/gzip',
}

/** Bytes from which a single file takes long enough to report parts of it. */
const LARGE_BYTES = 32 * 1024 * 1024

export interface UploadedFile {
  readonly file: string
  readonly object: string
  readonly generation: string
  readonly sizeBytes: number
  /** RFC 3339. */
  readonly uploadedAt: string
}

export interface UploadOptions {
  readonly labelColumn?: string | undefined
  /** `gs://bucket/object#generation` of a model to score the files with. */
  readonly model?: string | undefined
  /** Model options as JSON. */
  readonly modelOptions?: string | undefined
  /** Population stability index from which a file is refused. */
  readonly failOnDrift?: number | undefined
  /** Called after each file. */
  readonly uploaded?: (file: UploadedFile) => void
}

export interface UploadResult {
  readonly uploaded: readonly UploadedFile[]
  readonly failed: readonly {readonly file: string; readonly object: string; readonly error: ErrorOutput}[]
}

/**
 * Refuses `--fail-on-drift` if no model scores the files, as far as the service may be read.
 * @param modelInSettings the setting `model`
 * @throws AppError `usage` (exit 2)
 */
export async function checkDriftBound(
  modelInSettings: string | undefined,
  {cloud, pipeline, signal}: Context,
): Promise<void> {
  const service = await cloud.services.get(pipeline.names.service).catch((error: unknown) => {
    signal.throwIfAborted()
    if (error instanceof AppError) return undefined
    throw error
  })
  if (service === undefined || service.model !== undefined) return
  throw new AppError('--fail-on-drift needs a model: these files would train one of their own.', {
    code: 'usage',
    exitCode: EXIT.usage,
    suggestions: [
      modelInSettings === undefined
        ? suggest`Name the model that scores them: ${synopsis('upload', 'FILE', '--model', 'model.json', '--fail-on-drift', '0.25')}`
        : suggest`Apply the setting "model": ${command('setup')}`,
    ],
  })
}

/**
 * Uploads files, several at a time; a failure does not stop the others.
 * @throws AppError `not-set-up` if there is no input bucket; the signal's reason
 */
export async function upload(
  files: readonly PlannedUpload[],
  options: UploadOptions,
  context: Context,
): Promise<UploadResult> {
  const {cloud, pipeline, signal} = context
  const {inputBucket} = pipeline.names
  const uploaded: UploadedFile[] = []
  const failed: {file: string; object: string; error: AppError}[] = []
  await eachOf(files, AT_ONCE, async (file) => {
    signal.throwIfAborted()
    context.step(`Upload ${file.object}`)
    try {
      const contentType = CONTENT_TYPES[extname(file.object).toLowerCase()]
      const stored = await cloud.objects.upload({
        bucket: inputBucket,
        name: file.object,
        source: file.source,
        signal,
        ...progressOf(file, context.step),
        ...(contentType === undefined ? {} : {contentType}),
        metadata: {
          ...(options.labelColumn === undefined ? {} : {[INPUT_METADATA.labelColumn]: options.labelColumn}),
          ...(options.model === undefined ? {} : {[INPUT_METADATA.model]: options.model}),
          ...(options.modelOptions === undefined
            ? {}
            : {[INPUT_METADATA.modelOptions]: options.modelOptions}),
          ...(options.failOnDrift === undefined
            ? {}
            : {[INPUT_METADATA.failOnDrift]: String(options.failOnDrift)}),
        },
      })
      const done: UploadedFile = {
        file: file.file,
        object: file.object,
        generation: stored.generation,
        sizeBytes: stored.sizeBytes,
        uploadedAt: stored.timeCreated,
      }
      uploaded.push(done)
      options.uploaded?.(done)
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof AppError)) throw error
      failed.push({file: file.file, object: file.object, error})
    }
  })
  const bucketMissing = failed.find(({error}) => error.code === 'not-found')
  if (bucketMissing !== undefined && uploaded.length === 0) {
    throw new AppError(`Input bucket ${inputBucket} does not exist.`, {
      code: 'not-set-up',
      suggestions: [suggest`Create the pipeline: ${command('setup')}`],
      cause: bucketMissing.error,
    })
  }
  const order = new Map(files.map(({object}, index) => [object, index]))
  return {
    uploaded: uploaded.toSorted(
      (one, other) => (order.get(one.object) ?? 0) - (order.get(other.object) ?? 0),
    ),
    failed,
  }
}

/** Reports each tenth of a large file. */
function progressOf(
  {object, sizeBytes}: PlannedUpload,
  step: (text: string) => void,
): {progress?: (sentBytes: number) => void} {
  if (sizeBytes === undefined || sizeBytes < LARGE_BYTES) return {}
  let reported = 0
  return {
    progress: (sentBytes) => {
      const tenths = Math.floor((sentBytes * 10) / sizeBytes)
      if (tenths === reported || tenths >= 10) return
      reported = tenths
      step(`Upload ${object}: ${tenths * 10} %`)
    },
  }
}
