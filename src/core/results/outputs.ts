import {dirname, join, relative, resolve, sep} from 'node:path'
import type {Context} from '../ports/context.ts'
import {AppError} from '../errors.ts'
import {isJsonObject} from '../json.ts'
import {createFolder, writeOutput} from '../output.ts'
import type {StoredObject} from '../ports/objects.ts'
import {recordFetched} from './fetched.ts'

/** A folder that outputs are written to, under their own names. */
export interface OutputFolder {
  /** Absolute path; created if missing. */
  readonly folder: string
  /** Whether to overwrite files. */
  readonly force: boolean
}

/** One of a file's outputs. */
export interface FileOutput {
  /** Name in the output bucket. */
  readonly name: string
  readonly contentType: string
  readonly generation: string
  readonly sizeBytes: number
  /** Where it was written. */
  readonly file?: string
}

/** The outputs that an `outputs.json` lists. */
export async function readOutputs(list: StoredObject, {cloud}: Context): Promise<FileOutput[]> {
  const {outputs} = await cloud.objects.readJson(list)
  return Array.isArray(outputs) ? outputs.filter((output) => isOutput(output)) : []
}

/**
 * Writes outputs into a folder, names with slashes into folders below it.
 * @returns them with their files
 * @throws AppError `output-exists` without force, `output-unwritable`, `disk-full`
 */
export async function writeToFolder(
  outputs: readonly FileOutput[],
  {folder, force}: OutputFolder,
  context: Context,
): Promise<FileOutput[]> {
  const {cloud, pipeline, signal} = context
  const written: FileOutput[] = []
  for (const output of outputs) {
    const {name, generation} = output
    const file = await placeIn(folder, name)
    const bytes = await cloud.objects.read(pipeline.names.outputBucket, name, {generation, signal})
    await writeOutput(bytes, {file, force}, signal)
    await recordFetched(context, output)
    written.push({...output, file})
  }
  return written
}

/**
 * The file for a name in a folder; creates the folders above it.
 * @throws AppError `output-unwritable`, also for a name such as `../a`, which would be outside of the folder; `disk-full`
 */
export async function placeIn(folder: string, name: string): Promise<string> {
  const file = resolve(folder, join('.', name))
  if (name.split('/').includes('..') || relative(folder, file).startsWith(`..${sep}`)) {
    throw new AppError(`${name} would be written outside of ${folder}.`, {
      code: 'output-unwritable',
      suggestions: ['Choose names that stay in their folder.'],
    })
  }
  await createFolder(dirname(file))
  return file
}

function isOutput(value: unknown): value is FileOutput {
  return (
    isJsonObject(value) &&
    typeof value['name'] === 'string' &&
    typeof value['contentType'] === 'string' &&
    typeof value['generation'] === 'string' &&
    typeof value['sizeBytes'] === 'number'
  )
}
