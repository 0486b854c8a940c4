import {randomUUID} from 'node:crypto'
import {constants, createWriteStream} from 'node:fs'
import {access, copyFile, link, rename, rm, stat} from 'node:fs/promises'
import {dirname} from 'node:path'
import type {Writable} from 'node:stream'
import {pipeline as pump} from 'node:stream/promises'
import type {Context} from '../context.ts'
import {AppError} from '../errors.ts'
import type {StoredObject} from '../ports.ts'

export type OutputTarget = {readonly file: string; readonly force: boolean} | {readonly stream: Writable}

/**
 * Finds out what would go wrong before anything is asked of the network.
 * @throws AppError `output-exists`, `output-unwritable`
 */
export async function prepareOutput(output: OutputTarget): Promise<void> {
  if ('stream' in output) return
  const {file, force} = output
  const found = await stat(file).catch(() => undefined)
  if (found?.isDirectory()) {
    throw new AppError(`${file} is a folder.`, {
      code: 'output-unwritable',
      suggestions: [`Name a file in it: --output ${file}/result.csv`],
    })
  }
  if (found !== undefined && !force) throw exists(file)
  await access(dirname(file), constants.W_OK).catch((error: unknown) => {
    throw new AppError(`Nothing can be written to ${dirname(file)}: ${reasonOf(error)}.`, {
      code: 'output-unwritable',
      suggestions: ['Choose another place: --output FILE', 'Or print it: --output -'],
      cause: error,
    })
  })
}

/** Writes an object's bytes: to a stream as they come; to a file beside it first, so that it is there whole or not at all. */
export async function writeResult(
  {bucket, name, generation, sizeBytes}: StoredObject,
  output: OutputTarget,
  {cloud, signal}: Pick<Context, 'cloud' | 'signal'>,
): Promise<{file: string; sizeBytes: number}> {
  const source = await cloud.objects.read(bucket, name, {generation, signal})
  if ('stream' in output) {
    await pump(source, output.stream, {signal, end: false})
    return {file: '-', sizeBytes}
  }
  const temporary = `${output.file}.${randomUUID()}.part`
  try {
    await pump(source, createWriteStream(temporary, {flags: 'wx'}), {signal})
    await (output.force ? rename(temporary, output.file) : putWhereNothingIs(temporary, output.file))
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof AppError) throw error
    throw new AppError(`${output.file} cannot be written: ${reasonOf(error)}.`, {
      code: isSystemError(error, 'ENOSPC') ? 'disk-full' : 'output-unwritable',
      suggestions: ['Choose another place: --output FILE', 'Or print it: --output -'],
      cause: error,
    })
  } finally {
    await rm(temporary, {force: true})
  }
  return {file: output.file, sizeBytes}
}

/** Fails where a file appeared in the meantime; `rename` would replace it. Some file systems have no hard links. */
async function putWhereNothingIs(temporary: string, file: string): Promise<void> {
  try {
    await link(temporary, file)
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) throw exists(file)
    await copyFile(temporary, file, constants.COPYFILE_EXCL)
  }
}

function exists(file: string): AppError {
  return new AppError(`${file} is there already.`, {
    code: 'output-exists',
    suggestions: ['Replace it: --force', 'Or choose another name: --output FILE'],
  })
}

function isSystemError(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

function reasonOf(error: unknown): string {
  if (isSystemError(error, 'ENOENT')) return 'the folder does not exist'
  if (isSystemError(error, 'EACCES') || isSystemError(error, 'EPERM')) return 'permission denied'
  if (isSystemError(error, 'EROFS')) return 'the file system is read-only'
  if (isSystemError(error, 'ENOSPC')) return 'the disk is full'
  return error instanceof Error ? error.message : String(error)
}
