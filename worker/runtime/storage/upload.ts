import {randomUUID} from 'node:crypto'
import {Crc32c} from './checksum.ts'
import {type Connection, bytesOf} from './connection.ts'
import {TransferError} from './errors.ts'
import type {Retries} from './retry.ts'

const BLOCK_BYTES = 1024 * 1024
/** Blocks whose bytes can be sent again: more than what is on its way when a connection breaks. */
const MOST_BLOCKS = 16
const MOST_UNSENT_BYTES = 2 * BLOCK_BYTES
/** The least that is worth a part of its own. */
const PART_BYTES = 256 * 1024
/** Of the silence that a connection may have: a request that gets no bytes for so long is given up until there are some. */
const LONGEST_PAUSE = 1 / 4
/** Resumable upload: not all bytes are there. */
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

/** No bytes came for a while, and none are left to be sent. */
class Paused extends Error {
  override readonly name = 'Paused'
  /** Resolves when there is more to send. */
  readonly ended: Promise<void>

  constructor(ended: Promise<void>) {
    super('No bytes to send')
    this.ended = ended
  }
}

/**
 * Writes an object of any length by a resumable upload whose bytes are sent as they come: Cloud Storage shows nothing
 * before the last one, and discards an upload that never ends. A broken connection is followed by another one, from the
 * last byte that Cloud Storage has on, as far as the bytes are still here.
 */
export class ResumableUpload {
  readonly #connection: Connection
  readonly #target: Target
  readonly #retries: Retries
  readonly #signal: AbortSignal
  readonly #remove: (generation: string) => Promise<void>
  readonly #checksum = new Crc32c()
  /** The last bytes that were written, in blocks that are full but for the last one. */
  readonly #blocks: Buffer[] = []
  /** Offset of the first block. */
  #keptFrom = 0
  #writtenBytes = 0
  #sentBytes = 0
  /** Whether to send little at a time, too. */
  #isFlushed = false
  #isEnded = false
  #changed = Promise.withResolvers<void>()
  /** The object's metadata. */
  readonly #answer: Promise<unknown>
  #failure: {readonly error: unknown} | undefined

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
    this.#answer = this.#run()
    // The next write gets the error.
    this.#answer.catch((error: unknown) => {
      this.#failure = {error}
      this.#change()
    })
  }

  /** Adds bytes; the caller may reuse the buffer as soon as this resolves. Waits while many are not sent yet. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#checksum.update(bytes)
    for (let from = 0; from < bytes.length;) {
      const filled = this.#writtenBytes % BLOCK_BYTES
      if (filled === 0) this.#addBlock()
      const part = bytes.subarray(from, from + BLOCK_BYTES - filled)
      this.#blocks.at(-1)?.set(part, filled)
      from += part.length
      this.#writtenBytes += part.length
      this.#change()
      while (this.#writtenBytes - this.#sentBytes >= MOST_UNSENT_BYTES) {
        if (this.#failure !== undefined) throw this.#failure.error
        await this.#changed.promise
      }
    }
  }

  /** Sends what is there, since nothing is written after it. */
  flush(): void {
    this.#isFlushed = true
    this.#change()
  }

  /**
   * Makes the object visible. Corrupt bytes are visible until they are removed.
   * @returns its generation
   * @throws StorageError with status 412 if it is no longer at the expected generation; TransferError if the bytes
   * arrived corrupt
   */
  async end(): Promise<string> {
    this.#isEnded = true
    this.#change()
    const {crc32c, generation}: {crc32c?: unknown; generation?: unknown} = Object(await this.#answer)
    if (crc32c === undefined || crc32c === this.#checksum.digest()) return String(generation)
    // Otherwise every further delivery would take it for this generation's result.
    await this.#remove(String(generation))
    throw new TransferError(`${this.#target.what}: the bytes arrived corrupt`)
  }

  #addBlock(): void {
    if (this.#blocks.length < MOST_BLOCKS) {
      this.#blocks.push(Buffer.allocUnsafeSlow(BLOCK_BYTES))
      return
    }
    const [oldest] = this.#blocks.splice(0, 1)
    if (oldest !== undefined) this.#blocks.push(oldest)
    this.#keptFrom += BLOCK_BYTES
  }

  #change(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  /** Sends all bytes. @returns the object's metadata */
  async #run(): Promise<unknown> {
    const session = await this.#start()
    for (let stored = 0, retry = 1; ;) {
      try {
        const answer = await this.#send(session, stored)
        if ('metadata' in answer) return answer.metadata
        if (answer.stored > stored) retry = 1
        stored = answer.stored
        // All bytes but no object is a reason to wait, too.
        throw new Error(
          `${this.#target.what}: Cloud Storage has ${answer.stored} of ${this.#writtenBytes} bytes and waits for more`,
        )
      } catch (error) {
        if (error instanceof Paused) await error.ended
        else await this.#retries.pause(retry++, error, this.#signal)
        const there = await this.#put(session, `bytes */${this.#total}`).catch(() => undefined)
        if (there === undefined) continue
        if ('metadata' in there) return there.metadata
        if (there.stored > stored || error instanceof Paused) retry = 1
        stored = there.stored
        if (stored < this.#keptFrom)
          throw new Error(
            `${this.#target.what}: Cloud Storage has ${stored} bytes, and the next ones are no longer here`,
            {cause: error},
          )
      }
    }
  }

  get #total(): string {
    return this.#isEnded ? String(this.#writtenBytes) : '*'
  }

  /** Sends the bytes from an offset on until their end. */
  #send(session: string, from: number): Promise<{stored: number} | {metadata: unknown}> {
    const total = this.#total
    if (total === String(from)) return this.#put(session, `bytes */${total}`)
    return this.#put(session, `bytes ${from}-*/${total}`, this.#bytesFrom(from))
  }

  async *#bytesFrom(start: number): AsyncGenerator<Uint8Array> {
    this.#sentBytes = start
    for (;;) {
      const from = this.#sentBytes
      const inBlock = from % BLOCK_BYTES
      const count = Math.min(this.#writtenBytes - from, BLOCK_BYTES - inBlock)
      const isLast = this.#isEnded || this.#isFlushed
      if (count >= PART_BYTES || inBlock + count === BLOCK_BYTES || (isLast && count > 0)) {
        const block = this.#blocks[(from - inBlock - this.#keptFrom) / BLOCK_BYTES]
        if (block === undefined) throw new Error(`The bytes at ${from} are no longer here`)
        yield block.subarray(inBlock, inBlock + count)
        this.#sentBytes += count
        this.#change()
      } else if (this.#isEnded) return
      else await this.#more()
    }
  }

  /** @throws Paused if nothing comes for long: the connection would count as broken */
  async #more(): Promise<void> {
    const changed = this.#changed.promise
    const {promise, reject} = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(new Paused(changed)), LONGEST_PAUSE * this.#connection.silenceMs)
    try {
      await Promise.race([changed, promise])
    } finally {
      clearTimeout(timer)
    }
  }

  async #put(
    session: string,
    range: string,
    stream?: AsyncIterable<Uint8Array>,
  ): Promise<{stored: number} | {metadata: unknown}> {
    const {what} = this.#target
    const headers = {'content-range': range}
    const response = await this.#connection.send(
      {method: 'PUT', path: session, headers, what, signal: this.#signal, stream},
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
