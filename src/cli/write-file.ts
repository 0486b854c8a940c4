import {createWriteStream} from 'node:fs'
import {link, rename, rm, stat} from 'node:fs/promises'
import type {Writable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {AppError} from '../core/errors.ts'

/**
 * Writes a file whole or not at all; what stands there is kept unless `force`.
 * @returns its size in bytes
 * @throws AppError `output-exists`, `output-unwritable`, `disk-full`
 */
export async function writeWhole(
  file: string,
  chunks: Iterable<string>,
  {force, signal}: {readonly force: boolean; readonly signal: AbortSignal},
): Promise<number> {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    await pipeline(chunks, createWriteStream(temporary, {flags: 'wx'}), {signal})
    const {size} = await stat(temporary)
    if (force) await rename(temporary, file)
    else await link(temporary, file)
    return size
  } catch (error) {
    throw outputError(file, error)
  } finally {
    await rm(temporary, {force: true})
  }
}

function outputError(file: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || error.name === 'AbortError') return error
  if (error.code === 'EEXIST') {
    return new AppError(`${file} exists already, and is not overwritten.`, {
      code: 'output-exists',
      suggestions: ['Add --force, or another --output.'],
    })
  }
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    return new AppError(`${file} cannot be written: the disk is full.`, {code: 'disk-full', cause: error})
  }
  return new AppError(`${file} cannot be written: ${error.message}`, {
    code: 'output-unwritable',
    suggestions: ['Name another file: --output FILE'],
    cause: error,
  })
}

/** Writes to a stream that stays open, such as standard output, no faster than its reader takes it. */
export async function writeChunks(
  stream: Writable,
  chunks: Iterable<string>,
  signal: AbortSignal,
): Promise<void> {
  await pipeline(chunks, stream, {signal, end: false})
}
