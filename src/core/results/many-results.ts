import {AppError} from '../errors.ts'
import {eachOf} from '../parallel.ts'
import type {Context} from '../ports/context.ts'
import type {FileStatus} from '../files/files.ts'
import {selectFiles} from '../files/select.ts'
import {notSetUp} from '../service/not-set-up.ts'
import {readOutputs, writeToFolder, type FileOutput, type OutputFolder} from './outputs.ts'

const DOWNLOADS_AT_ONCE = 8

export interface ManyResults {
  /** Each with what was written of it; nothing of a file that is not done. */
  readonly files: readonly (FileStatus & {readonly written?: readonly FileOutput[]})[]
}

/**
 * The outcomes of several objects.
 * @param objects names, folders and globs
 * @throws AppError `object-unknown`, `not-set-up`
 */
export async function selectResults(objects: readonly string[], context: Context): Promise<FileStatus[]> {
  try {
    const named = new Set(objects)
    const files = await selectFiles(objects, context)
    return files.filter(({object, state}) => state !== 'ignored' || named.has(object))
  } catch (error) {
    throw error instanceof AppError && error.code === 'not-found' ? notSetUp(context, error) : error
  }
}

/**
 * Writes the results of finished files into a folder, several at a time, under their own names. Each appears only once
 * it is complete. Reports every file that is done.
 * @throws AppError `output-exists` without force, `output-unwritable`, `disk-full`
 */
export async function saveResults(
  files: readonly FileStatus[],
  output: OutputFolder,
  context: Context,
): Promise<ManyResults> {
  const saved = new Map<FileStatus, readonly FileOutput[]>()
  await eachOf(files, DOWNLOADS_AT_ONCE, async (file) => {
    context.signal.throwIfAborted()
    if (file.state !== 'done' || file.result === undefined) return
    saved.set(file, await writeToFolder(await outputsOf(file.result, context), output, context))
    context.step(file.object)
  })
  return {
    files: files.map((file) => {
      const written = saved.get(file)
      return written === undefined ? file : {...file, written}
    }),
  }
}

/** Empty if the result was replaced or deleted since it was listed. */
async function outputsOf(
  {bucket, object, generation, outputs}: NonNullable<FileStatus['result']>,
  context: Context,
): Promise<FileOutput[]> {
  const commit = await context.cloud.objects.stat(bucket, object, generation)
  if (commit === undefined) return []
  const {name, sizeBytes, contentType = ''} = commit
  return outputs === undefined ? [{name, generation, sizeBytes, contentType}] : readOutputs(commit, context)
}
