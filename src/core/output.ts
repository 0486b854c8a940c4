import {randomUUID} from 'node:crypto'
import {constants, createWriteStream} from 'node:fs'
import {access, copyFile, link, mkdir, rename, rm, stat} from 'node:fs/promises'
import {dirname} from 'node:path'
import type {Readable, Writable} from 'node:stream'
import {pipeline as pump} from 'node:stream/promises'
import {AppError} from './errors.ts'
import {again, suggest} from './suggestion.ts'
import {codeOf, isDiskFull, messageOf} from './system-error.ts'

/** Where a command writes its output: a file, or a stream that stays open, such as standard output. */
export type OutputTarget = {readonly file: string; readonly force: boolean} | {readonly stream: Writable}

/**
 * Checks that the output can be written, before any network request.
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
    throw new AppError(`Cannot write to ${dirname(file)}: ${reasonOf(error)}.`, {
      code: 'output-unwritable',
      suggestions: ['Choose another place: --output FILE', 'Or print it: --output -'],
      cause: error,
    })
  })
}

/**
 * Creates a folder for outputs, and those above it.
 * @throws AppError `output-unwritable`, `disk-full`
 */
export async function createFolder(folder: string): Promise<void> {
  await mkdir(folder, {recursive: true}).catch((error: unknown) => {
    throw new AppError(`Folder ${folder} cannot be created: ${reasonOf(error)}.`, {
      code: isDiskFull(error) ? 'disk-full' : 'output-unwritable',
      suggestions: ['Choose another folder: --output FOLDER/'],
      cause: error,
    })
  })
}

/**
 * Writes to a stream as data arrives, with backpressure; to a file atomically, through a temporary file beside it.
 * @returns `-` for a stream
 * @throws AppError `output-exists` without force, `output-unwritable`, `disk-full`
 */
export async function writeOutput(
  source: Readable | Iterable<string>,
  output: OutputTarget,
  signal: AbortSignal,
): Promise<{file: string; sizeBytes: number}> {
  let sizeBytes = 0
  const counted = async function* (chunks: AsyncIterable<unknown> | Iterable<string>) {
    for await (const chunk of chunks) {
      if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array))
        throw new TypeError('Neither text nor bytes.')
      sizeBytes += typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.length
      yield chunk
    }
  }
  if ('stream' in output) {
    await pump(source, counted, output.stream, {signal, end: false})
    return {file: '-', sizeBytes}
  }
  const temporary = `${output.file}.${randomUUID()}.part`
  try {
    await pump(source, counted, createWriteStream(temporary, {flags: 'wx'}), {signal})
    await (output.force ? rename(temporary, output.file) : putWhereNothingIs(temporary, output.file))
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof AppError) throw error
    throw new AppError(`${output.file} cannot be written: ${reasonOf(error)}.`, {
      code: isDiskFull(error) ? 'disk-full' : 'output-unwritable',
      suggestions: ['Choose another place: --output FILE', 'Or print it: --output -'],
      cause: error,
    })
  } finally {
    await rm(temporary, {force: true})
  }
  return {file: output.file, sizeBytes}
}

/** Fails if a file has appeared in the meantime; `rename` would replace it. Some file systems have no hard links. */
async function putWhereNothingIs(temporary: string, file: string): Promise<void> {
  try {
    await link(temporary, file)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw exists(file)
    await copyFile(temporary, file, constants.COPYFILE_EXCL)
  }
}

function exists(file: string): AppError {
  return new AppError(`${file} already exists.`, {
    code: 'output-exists',
    suggestions: [suggest`Replace it: ${again('--force')}`, 'Or choose another name: --output FILE'],
  })
}

function reasonOf(error: unknown): string {
  const code = codeOf(error)
  if (code === 'ENOENT') return 'the folder does not exist'
  if (code === 'EEXIST' || code === 'ENOTDIR') return 'a file has that name, or that of a folder above it'
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  if (code === 'EROFS') return 'the file system is read-only'
  if (isDiskFull(error)) return 'the disk is full'
  return messageOf(error)
}
