import {once} from 'node:events'
import type {Writable} from 'node:stream'
import {finished} from 'node:stream/promises'
import type {File} from '@google-cloud/storage'
import type {Sidecar} from '../contract.ts'
import type {Output} from '../processor.ts'
import {writeObject} from './buckets.ts'

/** Up to here a result is written by one request. */
const LONGEST_IN_MEMORY_BYTES = 8 * 1024 * 1024

/** A chunk of a longer one: the client keeps it to repeat it. A multiple of 256 KiB, as the API asks. */
const CHUNK_BYTES = 8 * 1024 * 1024

/** What is handed to the client at a time. Each of its half dozen streams holds one or two of these. */
const BLOCK_BYTES = 256 * 1024

/** A result being made. */
export interface ResultWriter {
  /** What the process is given. */
  readonly output: Output
  readonly sidecars: ReadonlyMap<Sidecar, object>
  readonly sizeBytes: number
  /**
   * Makes the result visible under its name, whole and with its metadata.
   * @throws an error of the storage client with status 412 where the object is no longer at the expected generation
   */
  commit(): Promise<void>
  /** Gives the result up; nothing of it was or will be visible. */
  discard(): void
}

/**
 * Receives a result. Up to 8 MiB it is kept in memory and written by one request at the end. A longer one goes out in
 * 8 MiB chunks by a resumable upload straight to the result's own name: Cloud Storage shows nothing of such an upload
 * before its last chunk, checks the precondition then, and forgets one that never ends; so there is no temporary object
 * to copy from or to clean up, and memory does not follow the file.
 * @param target.expectedGeneration generation that the result replaces, `0` for none
 */
export function createResultWriter(
  file: File,
  target: {
    readonly metadata: Record<string, string>
    readonly expectedGeneration: string
    readonly contentType: string
  },
  signal: AbortSignal,
): ResultWriter {
  let contentType = target.contentType
  let pending: Uint8Array[] = []
  let pendingBytes = 0
  let sizeBytes = 0
  let upload: Writable | undefined
  const sidecars = new Map<Sidecar, object>()

  const takePending = (): Buffer => {
    const block = Buffer.concat(pending, pendingBytes)
    pending = []
    pendingBytes = 0
    return block
  }
  const startUpload = (): Writable => {
    const stream = file.createWriteStream({
      resumable: true,
      chunkSize: CHUNK_BYTES,
      validation: 'md5',
      contentType,
      metadata: {metadata: target.metadata},
      preconditionOpts: {ifGenerationMatch: target.expectedGeneration},
    })
    stream.on('error', () => {}) // seen by the next write or by commit
    return stream
  }

  const output: Output = {
    async write(chunk) {
      signal.throwIfAborted()
      if (upload?.errored) throw toError(upload.errored)
      // Copied, since the process may use its buffer again as soon as this resolves.
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk)
      pending.push(bytes)
      pendingBytes += bytes.length
      sizeBytes += bytes.length
      if (pendingBytes < (upload === undefined ? LONGEST_IN_MEMORY_BYTES : BLOCK_BYTES)) return
      upload ??= startUpload()
      if (!upload.write(takePending())) await orError(once(upload, 'drain', {signal}))
    },
    setContentType(value) {
      if (sizeBytes > 0) throw new Error('setContentType was called after the first write.')
      contentType = value
    },
    sidecar(name, content) {
      sidecars.set(name, content)
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
      if (upload === undefined) {
        await writeObject(file, takePending(), {...target, contentType})
        return
      }
      upload.end(takePending())
      await orError(finished(upload, {signal}))
    },
    discard() {
      upload?.destroy()
    },
  }
}

async function orError(step: Promise<unknown>): Promise<void> {
  try {
    await step
  } catch (failure) {
    throw toError(failure)
  }
}

/** The client ends a resumable upload with the bare `error` of the answer's body, an object with `code` and `message`. */
function toError(failure: unknown): Error {
  if (failure instanceof Error) return failure
  const {code, message}: {code?: unknown; message?: unknown} = Object(failure)
  return Object.assign(new Error(typeof message === 'string' ? message : String(failure)), {code})
}
