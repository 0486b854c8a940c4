import type {Sidecar} from '../contract.ts'
import type {Output} from '../processor.ts'
import type {ObjectName, ResumableUpload, Storage, WriteOptions} from './storage/index.ts'

/** Up to here a result is written by one request. */
const LONGEST_IN_MEMORY_BYTES = 8 * 1024 * 1024

/** A result being made. */
export interface ResultWriter {
  /** What the process is given. */
  readonly output: Output
  readonly sidecars: ReadonlyMap<Sidecar, object>
  readonly sizeBytes: number
  /**
   * Makes the result visible under its name, whole and with its metadata.
   * @throws StorageError with status 412 where the object is no longer at the expected generation
   */
  commit(): Promise<void>
}

/**
 * Receives a result. Up to 8 MiB it is kept in memory and written by one request at the end. A longer one goes out in
 * chunks by a resumable upload straight to the result's own name: Cloud Storage shows nothing of such an upload
 * before its last chunk, checks the precondition then, and forgets one that never ends; so there is no temporary object
 * to copy from or to clean up, and memory does not follow the file.
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
        // Copied, since the process may use its buffer again as soon as this resolves.
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
