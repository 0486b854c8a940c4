import {addAbortSignal, Readable} from 'node:stream'
import type {ByteRange, InputFile} from '../processor.ts'
import {isNotFound, type ObjectMetadata, type ObjectName, type Storage} from './storage/index.ts'

/** Files up to this size are kept as they are read, for further reads: a request costs more than the memory. */
const LONGEST_KEPT_BYTES = 16 * 1024 * 1024

/** The generation was overwritten or deleted before it was read: nothing is left to process. */
export class GenerationGone extends Error {
  override readonly name = 'GenerationGone'
}

/** One generation of an object, opened for a process. */
export interface OpenedInput {
  readonly file: InputFile
  /** Destroys the streams that are still open, so that no connection outlives the delivery. */
  close(): void
}

/**
 * Makes a generation of an object readable as often as needed. The first complete read verifies the checksum; later
 * ones rely on the transport, since hashing 100 MB takes 0.2 s. Reads end when `signal` aborts.
 */
export function openInput(
  storage: Storage,
  name: ObjectName & {readonly generation: string},
  metadata: ObjectMetadata,
  signal: AbortSignal,
): OpenedInput {
  const streams = new Set<Readable>()
  let isVerified = false
  let kept: readonly Buffer[] | undefined
  // Unpacked, it may have any length.
  const isKept = metadata.sizeBytes <= LONGEST_KEPT_BYTES && metadata.contentEncoding === undefined
  const request = async (range?: ByteRange): Promise<Readable> => {
    const expected = isVerified || range !== undefined ? undefined : metadata
    try {
      return addAbortSignal(signal, await storage.read(name, expected, signal, range))
    } catch (error) {
      signal.throwIfAborted()
      if (!isNotFound(error)) throw error
      throw new GenerationGone(`Generation ${name.generation} of ${name.object} is gone.`, {cause: error})
    }
  }
  const open = async (range?: ByteRange): Promise<Readable> => {
    signal.throwIfAborted()
    if (range !== undefined) return openRange(range)
    if (kept !== undefined) return Readable.from(copied(kept), {objectMode: false})
    const stream = await request()
    watch(stream)
    stream.once('end', () => (isVerified = true))
    return isKept ? watch(Readable.from(keeping(stream), {objectMode: false})) : stream
  }
  const openRange = async (range: ByteRange): Promise<Readable> => {
    if (kept === undefined && metadata.contentEncoding === undefined) return watch(await request(range))
    return watch(Readable.from(within(await open(), range), {objectMode: false}))
  }
  const watch = (stream: Readable): Readable => {
    streams.add(stream)
    stream.once('close', () => streams.delete(stream))
    // The reader gets the error too; without a listener, an error before anything reads would end the process.
    return stream.on('error', () => {})
  }
  /** Copies, since the process may change what it is given. */
  const keeping = async function* (stream: Readable): AsyncGenerator<Buffer> {
    const parts: Buffer[] = []
    for await (const part of stream) {
      if (!Buffer.isBuffer(part)) throw new TypeError('An object is read as bytes')
      parts.push(Buffer.from(part))
      yield part
    }
    kept = parts
  }
  return {
    file: {
      ...name,
      sizeBytes: metadata.sizeBytes,
      contentType: metadata.contentType,
      metadata: metadata.metadata,
      open,
    },
    close: () => {
      for (const stream of streams) stream.destroy()
    },
  }
}

/** A part of a stream's bytes. */
async function* within(stream: Readable, {start, end}: ByteRange): AsyncGenerator<Buffer> {
  let position = 0
  for await (const chunk of stream) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('An object is read as bytes')
    const part = chunk.subarray(Math.max(0, start - position), Math.max(0, end - position))
    position += chunk.length
    if (part.length > 0) yield part
    if (position >= end) break
  }
}

function* copied(parts: readonly Buffer[]): Generator<Buffer> {
  for (const part of parts) yield Buffer.from(part)
}
