import {addAbortSignal, Readable} from 'node:stream'
import {buffer} from 'node:stream/consumers'
import type {InputFile} from '../processor.ts'
import {isNotFound, type ObjectMetadata, type ObjectName, type Storage} from './storage/index.ts'

/** Files up to this size are read at once and kept for further reads: a request costs more than the memory. */
const LONGEST_KEPT_BYTES = 1024 * 1024

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
  let kept: Buffer | undefined
  // Unpacked, it may have any length.
  const isKept = metadata.sizeBytes <= LONGEST_KEPT_BYTES && metadata.contentEncoding === undefined
  const request = async (): Promise<Readable> => {
    try {
      return addAbortSignal(signal, await storage.read(name, isVerified ? undefined : metadata, signal))
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
    stream.once('end', () => (isVerified = true))
    stream.once('close', () => streams.delete(stream))
    // The reader gets the error too; without a listener, an error before anything reads would end the process.
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
