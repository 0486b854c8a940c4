import {createHash} from 'node:crypto'
import {readFile} from 'node:fs/promises'
import {resolve} from 'node:path'
import {Readable} from 'node:stream'
import {buffer} from 'node:stream/consumers'
import {MODELS_PREFIX} from '../../../worker/contract.ts'
import type {Config} from '../config.ts'
import {isJsonObject} from '../json.ts'
import type {Context} from '../ports/context.ts'
import {AppError, EXIT} from '../errors.ts'
import {suggestPath} from '../nearest.ts'
import {codeOf, messageOf} from '../system-error.ts'
import {suggest, synopsis} from '../suggestion.ts'

/** A model to score files with: an object, or a local file's content. */
export type PlannedModel =
  | {readonly bucket: string; readonly object: string}
  | {readonly file: string; readonly bytes: Buffer}

/**
 * Reads what `--model` or the setting names: `gs://bucket/object`, or a file, which is checked to be a model. Needs no
 * network.
 * @param cwd absolute: what a relative path is relative to
 * @throws AppError `model-invalid` (exit 2), `file-missing`, `file-unreadable`
 */
export async function planModel(model: string, cwd: string): Promise<PlannedModel> {
  if (model.startsWith('gs://')) {
    const [, bucket, object] = /^gs:\/\/([^/]+)\/(.+)$/.exec(model) ?? []
    if (bucket !== undefined && object !== undefined) return {bucket, object}
    throw new AppError(`${model} does not name an object.`, {
      code: 'model-invalid',
      exitCode: EXIT.usage,
      suggestions: ['Write gs://bucket/object, or the name of a file.'],
    })
  }
  const bytes = await readFile(resolve(cwd, model)).catch(async (error: unknown) => {
    const isMissing = codeOf(error) === 'ENOENT'
    throw new AppError(
      isMissing ? `File ${model} does not exist.` : `${model} cannot be read: ${messageOf(error)}`,
      {
        code: isMissing ? 'file-missing' : 'file-unreadable',
        suggestions: [
          ...(isMissing ? await suggestPath(model, cwd) : []),
          suggest`Export the model of a result: ${synopsis('model export', 'OBJECT', '--output', 'model.json')}`,
        ],
        cause: error,
      },
    )
  })
  checkModel(bytes, model)
  return {file: model, bytes}
}

/** Reads the model that the setting `model` names, if any: see `planModel`. Errors report where it is set. */
export async function planPipelineModel({
  model,
  folder,
  sources,
}: Pick<Config, 'model' | 'folder' | 'sources'>): Promise<PlannedModel | undefined> {
  if (model === undefined) return undefined
  try {
    return await planModel(model, folder)
  } catch (error) {
    if (!(error instanceof AppError) || sources.model.kind === 'flag') throw error
    const {message, code, exitCode, suggestions} = error
    const more = [...suggestions, `It comes from the setting "model": ${sources.model.place}`]
    throw new AppError(message, {code, exitCode, suggestions: more, cause: error})
  }
}

/**
 * Ensures that the worker can read the model: one that is in neither the input nor the output bucket is uploaded beside
 * the files, once for the same bytes.
 * @returns the name for the files' metadata, with its generation: `gs://bucket/object#generation`
 * @throws AppError `object-unknown` if the object does not exist; `model-invalid`
 */
export async function placeModel(planned: PlannedModel, context: Context): Promise<string> {
  const {uri, absent} = await locate(planned, context)
  if (absent === undefined) return uri
  const {cloud, pipeline, signal} = context
  const {generation} = await cloud.objects.upload({
    bucket: pipeline.names.inputBucket,
    name: modelObject(absent),
    source: {stream: Readable.from([absent])},
    contentType: 'application/json',
    signal,
  })
  return `${uri}#${generation}`
}

/**
 * The pipeline with the model that its setting names, for a comparison with what exists; uploads nothing.
 * @throws AppError `object-unknown`, `model-invalid`
 */
export async function withModel(model: PlannedModel | undefined, context: Context): Promise<Context> {
  if (model === undefined) return context
  const {uri} = await locate(model, context)
  return {...context, pipeline: {...context.pipeline, model: uri}}
}

/** The name by which the worker reads the model; if it is not uploaded yet, without a generation and with its bytes. */
async function locate(
  planned: PlannedModel,
  context: Context,
): Promise<{readonly uri: string; readonly absent?: Buffer}> {
  const {cloud, pipeline, signal} = context
  const {inputBucket, outputBucket} = pipeline.names
  if ('file' in planned) return locateBytes(planned.bytes, context)
  const {bucket, object} = planned
  const found = await cloud.objects.stat(bucket, object)
  if (found === undefined) {
    throw new AppError(`Object gs://${bucket}/${object} does not exist.`, {
      code: 'object-unknown',
      suggestions: [
        suggest`Export the model of a result: ${synopsis('model export', 'OBJECT', '--output', 'model.json')}`,
      ],
    })
  }
  const {generation} = found
  if (bucket === inputBucket || bucket === outputBucket)
    return {uri: `gs://${bucket}/${object}#${generation}`}
  const bytes = await buffer(await cloud.objects.read(bucket, object, {generation, signal}))
  checkModel(bytes, `gs://${bucket}/${object}`)
  return locateBytes(bytes, context)
}

async function locateBytes(
  bytes: Buffer,
  {cloud, pipeline}: Context,
): Promise<{readonly uri: string; readonly absent?: Buffer}> {
  const {inputBucket} = pipeline.names
  const name = modelObject(bytes)
  const there = await cloud.objects.stat(inputBucket, name)
  const uri = `gs://${inputBucket}/${name}`
  return there === undefined ? {uri, absent: bytes} : {uri: `${uri}#${there.generation}`}
}

function modelObject(bytes: Buffer): string {
  return `${MODELS_PREFIX}${createHash('sha256').update(bytes).digest('hex')}.json`
}

/** The check before anything is sent; the worker validates every field. */
function checkModel(bytes: Buffer, name: string): void {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch {
    value = undefined
  }
  if (isJsonObject(value) && 'format' in value && 'model' in value) return
  throw new AppError(`${name} is not a model.`, {
    code: 'model-invalid',
    exitCode: EXIT.usage,
    suggestions: [
      suggest`Export the model of a result: ${synopsis('model export', 'OBJECT', '--output', 'model.json')}`,
      'What a model contains: docs/model.md',
    ],
  })
}
