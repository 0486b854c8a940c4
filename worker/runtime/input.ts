import {addAbortSignal, Readable} from 'node:stream'
import {finished} from 'node:stream/promises'
import type {ByteRange, FileBytes, InputFile} from '../processor.ts'
import type {Delivery} from './envelope.ts'
import {type StepChecksums, SteppedCrc32c, steppedRange, verified} from './step-checksums.ts'
import {
  isNotFound,
  isPreconditionFailed,
  type ObjectBytes,
  type ObjectMetadata,
  type ObjectName,
  type Storage,
} from './storage/index.ts'

/** Files up to this size are kept as they are read, for further reads: a request costs more than the memory. */
const LONGEST_KEPT_BYTES = 16 * 1024 * 1024

/**
 * The most that is read to verify what a process refused: inside a region a few seconds, so that a bad file is still
 * recorded before the delivery's deadline. Beyond it, the fault counts as the file's.
 */
const MOST_VERIFIED_BYTES = 1024 * 1024 * 1024
const LONGEST_VERIFYING_MS = 10_000

/** The generation was overwritten or deleted before it was read: nothing is left to process. */
export class GenerationGone extends Error {
  override readonly name = 'GenerationGone'
}

/** One generation of an object, opened for a process. */
export interface OpenedInput {
  readonly file: InputFile
  /**
   * From now on, notes the checksums by which ranges of the file are verified.
   * @returns resolves with them, after a read of the whole file if there was none
   */
  noteChecksums(): () => Promise<StepChecksums>
  readonly metadata: ObjectMetadata
  /**
   * Ends the reads from the beginning that the process did not finish, and verifies what it received of them.
   * @throws TransferError if bytes were damaged on their way
   */
  verify(): Promise<void>
  /** Destroys the streams that are still open, so that no connection outlives the delivery. */
  close(): void
}

/**
 * Makes a generation of an object readable as often as needed. Complete reads verify its checksum; so do those of a
 * range once its checksums are known. Reads end when `signal` aborts.
 * @param more.known checksums that another task has noted
 * @param more.opened its bytes, already on their way
 */
export function openInput(
  storage: Storage,
  name: ObjectName & {readonly generation: string},
  metadata: ObjectMetadata,
  signal: AbortSignal,
  {known, opened}: {readonly known?: StepChecksums; readonly opened?: ObjectBytes} = {},
): OpenedInput {
  const streams = new Set<Readable>()
  const unverified = new Set<ObjectBytes>()
  const {sizeBytes} = metadata
  let isNoting = false
  let checksums = known
  let kept: readonly Buffer[] | undefined
  let ahead = opened
  const isRepeatable = isKept(metadata)
  const request = async (range?: ByteRange): Promise<ObjectBytes> => {
    const expected = range === undefined ? metadata : undefined
    try {
      return addAbortSignal(signal, await storage.read(name, expected, signal, range))
    } catch (error) {
      signal.throwIfAborted()
      if (!isNotFound(error)) throw error
      throw new GenerationGone(`Generation ${name.generation} of ${name.object} is gone.`, {cause: error})
    }
  }
  const open = async (range?: ByteRange): Promise<FileBytes> => {
    signal.throwIfAborted()
    if (range !== undefined) return openRange(range)
    if (kept !== undefined) return freeable(Readable.from(copied(kept), {objectMode: false}))
    const stream = ahead ?? (await request())
    ahead = undefined
    watch(stream)
    unverified.add(stream)
    stream.once('end', () => unverified.delete(stream))
    const given =
      isRepeatable || isNoting ? watch(Readable.from(keeping(stream), {objectMode: false})) : stream
    // What is unpacked arrives in memory that others use.
    return metadata.contentEncoding === undefined ? freeable(given) : given
  }
  const openRange = async (range: ByteRange): Promise<Readable> => {
    if (kept !== undefined || metadata.contentEncoding !== undefined)
      return watch(Readable.from(within(await open(), range), {objectMode: false}))
    if (checksums === undefined) return watch(await request(range))
    const stream = watch(await request(steppedRange(range, sizeBytes)))
    return watch(Readable.from(verified(stream, range, sizeBytes, checksums), {objectMode: false}))
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
    const noted: number[] = []
    const checksum = isNoting ? new SteppedCrc32c(sizeBytes, (state) => noted.push(state)) : undefined
    for await (const part of stream) {
      if (!Buffer.isBuffer(part)) throw new TypeError('An object is read as bytes')
      if (isRepeatable) parts.push(Buffer.from(part))
      checksum?.update(part)
      yield part
    }
    if (isRepeatable) kept = parts
    if (checksum !== undefined) checksums = noted
  }
  return {
    file: {
      ...name,
      sizeBytes,
      contentType: metadata.contentType,
      metadata: metadata.metadata,
      open,
    },
    noteChecksums() {
      isNoting = true
      return async () => {
        if (checksums === undefined) await finished((await open()).resume())
        return checksums ?? []
      }
    },
    metadata,
    async verify() {
      const timeout = AbortSignal.timeout(LONGEST_VERIFYING_MS)
      const ending = AbortSignal.any([signal, timeout])
      try {
        for (const stream of unverified) await stream.verify(MOST_VERIFIED_BYTES, ending)
      } catch (error) {
        signal.throwIfAborted()
        if (!timeout.aborted) throw error
      }
    },
    close: () => {
      ahead?.destroy()
      for (const stream of streams) stream.destroy()
    },
  }
}

/**
 * The input of a delivery. What its notification describes is read at once, if that is still so: one request instead of
 * two.
 * @returns `undefined` if it is gone
 */
export async function findInput(
  storage: Storage,
  {event, described}: Delivery,
  signal: AbortSignal,
): Promise<OpenedInput | undefined> {
  const name = {bucket: event.bucket, object: event.object, generation: event.generation}
  if (described !== undefined && isKept(described.metadata)) {
    const {metadata, metageneration} = described
    try {
      const opened = addAbortSignal(signal, await storage.read({...name, metageneration}, metadata, signal))
      // Nobody may come to read it.
      return openInput(storage, name, metadata, signal, {opened: opened.on('error', () => {})})
    } catch (error) {
      signal.throwIfAborted()
      if (isNotFound(error)) return undefined
      if (!isPreconditionFailed(error)) throw error
    }
  }
  const metadata = await storage.find(name)
  return metadata === undefined ? undefined : openInput(storage, name, metadata, signal)
}

/** Unpacked, it may have any length. */
function isKept({sizeBytes, contentEncoding}: ObjectMetadata): boolean {
  return sizeBytes <= LONGEST_KEPT_BYTES && contentEncoding === undefined
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

/** Lets the reader free each chunk that has memory of its own. */
function freeable(stream: Readable): FileBytes {
  const free = ({buffer, length}: Buffer): void => {
    if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0)
  }
  return Object.assign(stream, {free})
}

function* copied(parts: readonly Buffer[]): Generator<Buffer> {
  for (const part of parts) yield Buffer.from(part)
}
