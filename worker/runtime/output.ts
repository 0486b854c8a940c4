import type {Sidecar} from '../contract.ts'
import {PermanentError, type Output, type OutputFile} from '../processor.ts'
import type {ObjectName, ResumableUpload, Storage, WriteOptions} from './storage/index.ts'

/** Outputs up to this size are written in one request. */
const LONGEST_IN_MEMORY_BYTES = 8 * 1024 * 1024

/** Of those that are expected to be longer, so much is enough to begin with. */
const BEGINNING_BYTES = 1024 * 1024

/** An object while it is produced. */
export interface ObjectWriter extends OutputFile {
  readonly sizeBytes: number
  /** Begins to send the rest: all of it was written. */
  flush(): void
  /**
   * Makes the whole object visible under its name, with its metadata.
   * @returns its generation
   * @throws StorageError with status 412 if the object is no longer at the expected generation
   */
  commit(): Promise<string>
}

/**
 * Receives an object. Up to 8 MiB stay in memory and are written in one request at the end. A longer one is sent as it
 * is produced, by a resumable upload straight to its own name: Cloud Storage shows nothing before the last byte, checks
 * the precondition then, and discards an upload that never ends; so there is no temporary object to copy or clean up,
 * and memory use does not grow with the object. Several outputs are each in memory up to that size until all are
 * written.
 * @param target called once, when the first bytes are sent
 * @param expectedBytes its length, about
 */
export function createObjectWriter(
  storage: Storage,
  name: ObjectName,
  target: () => WriteOptions,
  signal: AbortSignal,
  expectedBytes = 0,
): ObjectWriter {
  const mostPending = expectedBytes < LONGEST_IN_MEMORY_BYTES ? LONGEST_IN_MEMORY_BYTES : BEGINNING_BYTES
  let pending: Uint8Array[] = []
  let sizeBytes = 0
  let upload: ResumableUpload | undefined
  return {
    get sizeBytes() {
      return sizeBytes
    },
    async write(chunk) {
      signal.throwIfAborted()
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      sizeBytes += bytes.length
      if (upload === undefined) {
        // Copied, since the process may reuse its buffer as soon as this resolves.
        pending.push(Buffer.from(bytes))
        if (sizeBytes < mostPending) return
        upload = storage.upload(name, target(), signal)
        for (const part of pending) await upload.write(part)
        pending = []
      } else {
        await upload.write(bytes)
      }
    },
    flush: () => upload?.flush(),
    async commit() {
      signal.throwIfAborted()
      if (upload !== undefined) return upload.end()
      return (await storage.write(name, pending, target(), signal)).generation
    },
  }
}

/** An error of the worker's code, which would be the same at each delivery. */
export function misused(message: string): PermanentError {
  return new PermanentError(message, {
    code: 'output-misused',
    suggestions: ['Correct the worker, deploy it, and process the file again.'],
  })
}

/** What a process produces. */
export interface OutputReceiver {
  /** Passed to the process. */
  readonly output: Output
  readonly sidecars: ReadonlyMap<Sidecar, object>
}

/** The output that a process sees: one result, or several files. */
export function createOutput({
  result,
  setContentType,
  file,
}: {
  readonly result: ObjectWriter
  readonly setContentType: Output['setContentType']
  readonly file: Output['file']
}): OutputReceiver {
  const sidecars = new Map<Sidecar, object>()
  let kind: 'one' | 'several' | undefined
  const become = (wanted: 'one' | 'several'): void => {
    if (kind !== undefined && kind !== wanted)
      throw misused('A process writes either one result with output.write, or files with output.file.')
    kind = wanted
  }
  return {
    sidecars,
    output: {
      async write(chunk) {
        become('one')
        await result.write(chunk)
      },
      setContentType(contentType) {
        become('one')
        if (result.sizeBytes > 0) throw misused('setContentType was called after the first write.')
        setContentType(contentType)
      },
      file(name, options) {
        become('several')
        return file(name, options)
      },
      sidecar(sidecar, content) {
        sidecars.set(sidecar, content)
      },
    },
  }
}
