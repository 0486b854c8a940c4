import {once} from 'node:events'
import {addAbortSignal, type Readable} from 'node:stream'
import type {File, FileMetadata} from '@google-cloud/storage'
import type {InputFile} from '../processor.ts'
import {customMetadata, isNotFound} from './buckets.ts'

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
 * Makes `file` (bound to a generation) readable as often as needed. The bytes are checked while they are read: MD5
 * where the object has one, since Node computes it natively, CRC32C for composite objects, which have none. Once they
 * were right to their end, further reads of the generation leave that to the transport: a hash of 100 MB takes 0.2 s.
 * Reads end when `signal` aborts.
 */
export function openInput(file: File, metadata: FileMetadata, signal: AbortSignal): OpenedInput {
  const streams = new Set<Readable>()
  const generation = String(metadata.generation)
  const hash = metadata.md5Hash === undefined ? 'crc32c' : 'md5'
  let wasRight = false
  const open = async (): Promise<Readable> => {
    signal.throwIfAborted()
    const stream = file.createReadStream({validation: wasRight ? false : hash})
    streams.add(stream)
    stream.once('end', () => (wasRight = true))
    stream.once('close', () => streams.delete(stream))
    // Whoever reads sees the error as well; without a listener, one that comes while nobody reads ends the process.
    stream.on('error', () => {})
    addAbortSignal(signal, stream)
    try {
      await once(stream, 'readable') // the request is sent by this, and a 404 is known before a process starts on it
    } catch (error) {
      signal.throwIfAborted()
      if (isNotFound(error)) {
        throw new GenerationGone(`Generation ${generation} of ${file.name} is gone.`, {cause: error})
      }
      throw error
    }
    return stream
  }
  return {
    file: {
      bucket: file.bucket.name,
      object: file.name,
      generation,
      sizeBytes: Number(metadata.size),
      contentType: metadata.contentType,
      metadata: customMetadata(metadata),
      open,
    },
    close: () => {
      for (const stream of streams) stream.destroy()
    },
  }
}
