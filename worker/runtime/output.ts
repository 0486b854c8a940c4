import type {Sidecar} from '../contract.ts'
import type {Output} from '../processor.ts'
import type {ObjectName, ResumableUpload, Storage, WriteOptions} from './storage/index.ts'

/** Results up to this size are written in one request. */
const LONGEST_IN_MEMORY_BYTES = 8 * 1024 * 1024

/** A result while it is produced. */
export interface ResultWriter {
  /** Passed to the process. */
  readonly output: Output
  readonly sidecars: ReadonlyMap<Sidecar, object>
  readonly sizeBytes: number
  /**
   * Makes the whole result visible under its name, with its metadata.
   * @throws StorageError with status 412 if the object is no longer at the expected generation
   */
  commit(): Promise<void>
}

/**
 * Receives a result. Up to 8 MiB stay in memory and are written in one request at the end. A longer result is sent in
 * chunks by a resumable upload straight to its own name: Cloud Storage shows nothing before the last chunk, checks
 * the precondition then, and discards an upload that never ends; so there is no temporary object to copy or clean up,
 * and memory use does not grow with the file.
 */
export function createResultWriter(
  storage: Storage,
  name: ObjectName,
  target: WriteOptions,
  signal: AbortSignal,
): ResultWriter {
  let contentType = target.contentType
  let pending: Uint8Array[] = []
  let sizeBytes = 0
  let upload: ResumableUpload | undefined
  const sidecars = new Map<Sidecar, object>()

  const output: Output = {
    async write(chunk) {
      signal.throwIfAborted()
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      sizeBytes += bytes.length
      if (upload === undefined) {
        // Copied, since the process may reuse its buffer as soon as this resolves.
        pending.push(Buffer.from(bytes))
        if (sizeBytes < LONGEST_IN_MEMORY_BYTES) return
        upload = storage.upload(name, {...target, contentType}, signal)
        for (const part of pending) await upload.write(part)
        pending = []
      } else {
        await upload.write(bytes)
      }
    },
    setContentType(value) {
      if (sizeBytes > 0) throw new Error('setContentType was called after the first write.')
      contentType = value
    },
    sidecar(sidecar, content) {
      sidecars.set(sidecar, content)
    },
  }
  return {
    output,
    sidecars,
    get sizeBytes() {
      return sizeBytes
    },
    async commit() {
      signal.throwIfAborted()
      if (upload === undefined) await storage.write(name, pending, {...target, contentType}, signal)
      else await upload.end()
    },
  }
}
