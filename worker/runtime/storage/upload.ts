import {randomUUID} from 'node:crypto'
import {Crc32c} from './checksum.ts'
import {type Connection, bytesOf} from './connection.ts'
import {TransferError} from './errors.ts'
import type {Retries} from './retry.ts'

/** A multiple of the unit that the API requires; one is sent while the next is filled. */
const CHUNK_BYTES = 8 * 1024 * 1024
const CHUNK_UNIT_BYTES = 256 * 1024
/** Resumable upload: send the next chunk. */
const RESUME_INCOMPLETE = 308

/** An object to write. */
export interface Target {
  /** Path of the bucket's objects in the upload API. */
  readonly path: string
  readonly query: URLSearchParams
  readonly what: string
  /** Its metadata, as JSON. */
  readonly resource: Readonly<Record<string, unknown>> & {readonly contentType: string}
}

/** Writes a whole object in one request; Cloud Storage verifies its checksum. */
export async function uploadWhole(
  connection: Connection,
  {path, query, what, resource}: Target,
  content: readonly Uint8Array[],
  retries: Retries,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const checksum = new Crc32c()
  for (const part of content) checksum.update(part)
  const boundary = randomUUID()
  const head = JSON.stringify({...resource, crc32c: checksum.digest()})
  const body = [
    Buffer.from(
      `--${boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n${head}\r\n--${boundary}\r\ncontent-type: ${resource.contentType}\r\n\r\n`,
    ),
    ...content,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]
  const request = {
    method: 'POST',
    path: `${path}?${new URLSearchParams([['uploadType', 'multipart'], ...query]).toString()}`,
    headers: {'content-type': `multipart/related; boundary=${boundary}`},
    body,
    what,
    signal,
  } as const
  return retries.run(async () => jsonOf(await bytesOf(await connection.send(request))), signal)
}

/**
 * Writes an object of any length in chunks, by a resumable upload: Cloud Storage shows nothing before the last chunk,
 * and discards an upload that never ends. A broken chunk resumes from the last byte that Cloud Storage has.
 */
export class ResumableUpload {
  readonly #connection: Connection
  readonly #target: Target
  readonly #retries: Retries
  readonly #signal: AbortSignal
  readonly #remove: (generation: string) => Promise<void>
  readonly #checksum = new Crc32c()
  readonly #session: Promise<string>
  #chunk: Buffer = Buffer.allocUnsafe(CHUNK_BYTES)
  #spare: Buffer | undefined
  #filled = 0
  #sentBytes = 0
  #sending: Promise<unknown> = Promise.resolve()

  /** @param remove removes a generation of the target whose bytes arrived corrupt */
  constructor(
    connection: Connection,
    target: Target,
    retries: Retries,
    signal: AbortSignal,
    remove: (generation: string) => Promise<void>,
  ) {
    this.#connection = connection
    this.#target = target
    this.#retries = retries
    this.#signal = signal
    this.#remove = remove
    this.#session = this.#start()
    // The first chunk gets the error.
    this.#session.catch(() => undefined)
  }

  /** Adds bytes; the caller may reuse the buffer as soon as this resolves. Waits while two chunks are full. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length;) {
      const part = bytes.subarray(from, from + CHUNK_BYTES - this.#filled)
      this.#chunk.set(part, this.#filled)
      this.#filled += part.length
      from += part.length
      if (this.#filled === CHUNK_BYTES) await this.#flush()
    }
  }

  /** Sends what is there, but for a rest, so that little is left for the end: nothing is written after it. */
  flush(): void {
    const units = this.#filled - (this.#filled % CHUNK_UNIT_BYTES)
    if (units === 0) return
    const full = this.#chunk.subarray(0, units)
    this.#chunk = Buffer.from(this.#chunk.subarray(units, this.#filled))
    this.#filled -= units
    this.#sending = this.#sending.then(() => this.#send(full, false))
    this.#sending.catch(() => undefined)
  }

  /**
   * Makes the object visible. Corrupt bytes are visible until they are removed.
   * @returns its generation
   * @throws StorageError with status 412 if it is no longer at the expected generation; TransferError if the bytes
   * arrived corrupt
   */
  async end(): Promise<string> {
    await this.#sending
    const answer = await this.#send(this.#chunk.subarray(0, this.#filled), true)
    const {crc32c, generation}: {crc32c?: unknown; generation?: unknown} = Object(answer)
    if (crc32c === undefined || crc32c === this.#checksum.digest()) return String(generation)
    // Otherwise every further delivery would take it for this generation's result.
    await this.#remove(String(generation))
    throw new TransferError(`${this.#target.what}: the bytes arrived corrupt`)
  }

  async #flush(): Promise<void> {
    await this.#sending
    const full = this.#chunk
    this.#chunk = this.#spare ?? Buffer.allocUnsafe(CHUNK_BYTES)
    this.#spare = full
    this.#filled = 0
    this.#sending = this.#send(full, false)
    // The next caller that awaits it gets the error.
    this.#sending.catch(() => undefined)
  }

  /** Sends a chunk until Cloud Storage has all of it. @returns the object's metadata after the last one */
  async #send(chunk: Buffer, isLast: boolean): Promise<unknown> {
    this.#checksum.update(chunk)
    const session = await this.#session
    const begin = this.#sentBytes
    const end = begin + chunk.length
    const total = isLast ? String(end) : '*'
    this.#sentBytes = end
    for (let from = begin, retry = 1; ;) {
      try {
        const range = from < end ? `bytes ${from}-${end - 1}/${total}` : `bytes */${total}`
        const answer = await this.#put(session, range, chunk.subarray(from - begin))
        if ('metadata' in answer) return answer.metadata
        if (!isLast && answer.stored >= end) return undefined
        if (answer.stored > from) retry = 1
        from = Math.max(begin, answer.stored)
        // All bytes but no object is a reason to wait, too.
        throw new Error(`${this.#target.what}: Cloud Storage has ${from} of ${end} bytes and waits for more`)
      } catch (error) {
        await this.#retries.pause(retry++, error, this.#signal)
        const there = await this.#put(session, `bytes */${total}`, new Uint8Array(0)).catch(() => undefined)
        if (there !== undefined && 'metadata' in there) return there.metadata
        if (there !== undefined) from = Math.max(begin, there.stored)
        if (from >= end && !isLast) return undefined
      }
    }
  }

  async #put(
    session: string,
    range: string,
    body: Uint8Array,
  ): Promise<{stored: number} | {metadata: unknown}> {
    const {what} = this.#target
    const headers = {'content-range': range}
    const response = await this.#connection.send(
      {method: 'PUT', path: session, headers, body: [body], what, signal: this.#signal},
      [RESUME_INCOMPLETE],
    )
    const content = await bytesOf(response)
    if (response.statusCode !== RESUME_INCOMPLETE) return {metadata: jsonOf(content)}
    const [, last] = /^bytes=0-(\d+)$/.exec(response.headers.range ?? '') ?? []
    return {stored: last === undefined ? 0 : Number(last) + 1}
  }

  async #start(): Promise<string> {
    const {path, query, what, resource} = this.#target
    const response = await this.#retries.run(
      () =>
        this.#connection.send({
          method: 'POST',
          path: `${path}?${new URLSearchParams([['uploadType', 'resumable'], ...query]).toString()}`,
          headers: {'content-type': 'application/json; charset=UTF-8'},
          body: [Buffer.from(JSON.stringify(resource))],
          what,
          signal: this.#signal,
        }),
      this.#signal,
    )
    await bytesOf(response)
    const {location} = response.headers
    if (location === undefined) throw new Error(`${what}: Cloud Storage did not return an upload session`)
    return location
  }
}

function jsonOf(content: Buffer): unknown {
  return JSON.parse(content.toString('utf8'))
}
