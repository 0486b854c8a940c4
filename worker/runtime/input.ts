import {addAbortSignal, Readable} from 'node:stream'
import {buffer} from 'node:stream/consumers'
import type {InputFile} from '../processor.ts'
import {isNotFound, type ObjectMetadata, type ObjectName, type Storage} from './storage/index.ts'

/** Up to here a file is read at once and kept for further reads: a request costs more than the memory. */
const LONGEST_KEPT_BYTES = 1024 * 1024

/** The generation was overwritten or deleted before it was read: there is nothing left to process. */
export class GenerationGone extends Error {
  override readonly name = 'GenerationGone'
}

/** One generation of an object as a process reads it, and the end of all its reads. */
export interface OpenedInput {
  readonly file: InputFile
  /** Destroys the streams that are still open, so that no connection outlives the delivery. */
  close(): void
}

/**
 * Makes a generation of an object readable as often as needed. The bytes are checked while they are read. Once they
 * were right to their end, further reads of the generation leave that to the transport: a hash of 100 MB takes 0.2 s.
 * Reads end when `signal` aborts.
 */
export function openInput(
  storage: Storage,
  name: ObjectName & {readonly generation: string},
  metadata: ObjectMetadata,
  signal: AbortSignal,
): OpenedInput {
  const streams = new Set<Readable>()
  let wasRight = false
  let kept: Buffer | undefined
  // Unpacked it may be of any length.
  const isKept = metadata.sizeBytes <= LONGEST_KEPT_BYTES && metadata.contentEncoding === undefined
  const request = async (): Promise<Readable> => {
    try {
      return addAbortSignal(signal, await storage.read(name, wasRight ? undefined : metadata, signal))
    } catch (error) {
      signal.throwIfAborted()
      if (!isNotFound(error)) throw error
      throw new GenerationGone(`Generation ${name.generation} of ${name.object} is gone.`, {cause: error})
    }
  }
  const open = async (): Promise<Readable> => {
    signal.throwIfAborted()
    if (isKept) {
      kept ??= await buffer(await request())
      return Readable.from([Buffer.from(kept)], {objectMode: false})
    }
    const stream = await request()
    streams.add(stream)
    stream.once('end', () => (wasRight = true))
    stream.once('close', () => streams.delete(stream))
    // The reader sees the error too; without a listener, one that comes while nobody reads ends the process.
    stream.on('error', () => {})
    return stream
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
