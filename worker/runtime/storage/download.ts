import type {IncomingMessage} from 'node:http'
import {addAbortSignal, Readable} from 'node:stream'
import {finished} from 'node:stream/promises'
import {createGunzip} from 'node:zlib'
import {type ByteRange, PermanentError} from '../../processor.ts'
import {Crc32c} from './checksum.ts'
import {type Connection, isReused, LARGE_READ_BYTES} from './connection.ts'
import {TransferError} from './errors.ts'
import type {Retries} from './retry.ts'

const PARTIAL_CONTENT = 206
/** From this size on, a read of 64 KiB at a time costs more than the memory of larger ones. */
const LARGE_BYTES = 1024 * 1024

/** Why requests of a stream end that nobody reads any more. One for all, since each would note where it was made. */
const CLOSED = new Error('The download was closed.')

/** One generation of an object to read. */
export interface Download {
  readonly path: string
  readonly what: string
  /** The bytes to read; undefined: all. Of an object without content encoding. */
  readonly range?: ByteRange | undefined
  /** Compared with the bytes at their end. */
  readonly expected: {readonly crc32c: string | undefined; readonly sizeBytes: number} | undefined
}

/** An object's bytes, on their way. */
export interface ObjectBytes extends Readable {
  /**
   * Ends the read, and verifies what it received: reads the rest, for the checksum alone.
   * @param mostBytes a longer rest is not read, and nothing is verified
   * @throws TransferError if the bytes do not match the checksum; StorageError
   */
  verify(mostBytes: number, signal: AbortSignal): Promise<void>
}

/**
 * Reads an object's stored bytes; a broken connection is reopened and resumes where it ended. Errors of the stream
 * are {@link TransferError} for corrupt bytes, PermanentError for intact ones that cannot be unpacked, and what the
 * connection throws.
 * @param signal ends the wait for the first response; from then on, destroy the stream
 * @returns a stream with its first response, unpacked if the object has the content encoding gzip
 * @throws StorageError, such as 404
 */
export async function download(
  connection: Connection,
  source: Download,
  retries: Retries,
  signal: AbortSignal | undefined,
): Promise<ObjectBytes> {
  const stream = new ObjectStream(connection, source, retries)
  const response = await retries.run(() => stream.request(signal), signal)
  stream.attach(response)
  if (response.headers['content-encoding'] !== 'gzip') return stream
  return unpack(stream, source.what)
}

/** Unpacks the bytes; if they are intact but not gzip, the stream fails with a PermanentError. */
function unpack(packed: ObjectBytes, what: string): ObjectBytes {
  const unpacked = createGunzip()
  packed.on('error', (error) => unpacked.destroy(error))
  packed.on('close', () => {
    if (!packed.readableEnded) unpacked.destroy()
  })
  // The reader gets the error; it may occur before there is one.
  unpacked.on('error', () => {})
  packed.pipe(unpacked)
  const explained = async function* (): AsyncGenerator<Buffer> {
    try {
      yield* unpacked
    } catch (error) {
      const {code}: {code?: unknown} = Object(error)
      if (code !== 'Z_DATA_ERROR' && code !== 'Z_BUF_ERROR') throw error
      // They may be corrupt: the checksum shows it at the end.
      await finished(packed.resume())
      throw new PermanentError(`${what} has the content encoding gzip, but its bytes are not gzip.`, {
        code: 'encoding-invalid',
        suggestions: ['Upload it again, without a content encoding or packed by gzip.'],
        cause: error,
      })
    }
  }
  const stream = Readable.from(explained(), {objectMode: false})
  stream.on('close', () => packed.destroy())
  return Object.assign(stream, {verify: packed.verify.bind(packed)})
}

class ObjectStream extends Readable implements ObjectBytes {
  readonly #connection: Connection
  readonly #source: Download
  readonly #retries: Retries
  readonly #checksum: Crc32c | undefined
  readonly #isLarge: boolean
  readonly #closed = new AbortController()
  #response: IncomingMessage | undefined
  /** Offset of the first byte that is wanted. */
  readonly #start: number
  /** Of the wanted bytes; undefined until a response states it. */
  #sizeBytes: number | undefined
  #received = 0
  /** Retries since bytes last arrived. */
  #retry = 0

  /** @param state of the checksum of the bytes before the range */
  constructor(connection: Connection, source: Download, retries: Retries, state?: number) {
    const {range, expected} = source
    const sizeBytes = range === undefined ? expected?.sizeBytes : range.end - range.start
    const isLarge = sizeBytes !== undefined && sizeBytes >= LARGE_BYTES
    // As much as arrives at a time: reading several parts at once would copy them together.
    super({highWaterMark: isLarge ? LARGE_READ_BYTES : 64 * 1024})
    this.#isLarge = isLarge
    this.#connection = connection
    this.#source = source
    this.#retries = retries
    this.#checksum = source.expected?.crc32c === undefined ? undefined : new Crc32c(state)
    this.#start = range?.start ?? 0
    this.#sizeBytes = sizeBytes
  }

  /** Requests the missing bytes. */
  request(signal: AbortSignal = this.#closed.signal): Promise<IncomingMessage> {
    const {path, what} = this.#source
    const from = this.#start + this.#received
    const range = this.#source.range
    // Packed as stored; otherwise there is no checksum to compare and no offset to resume from.
    const headers = {
      'accept-encoding': 'gzip',
      ...(range !== undefined || from > 0
        ? {range: `bytes=${from}-${range === undefined ? '' : range.end - 1}`}
        : {}),
    }
    return this.#connection.send({method: 'GET', path, what, headers, isLarge: this.#isLarge, signal})
  }

  attach(response: IncomingMessage): void {
    this.#response = response
    const begin = beginOf(response)
    const from = this.#start + this.#received
    if (begin > from) {
      response.destroy()
      this.destroy(new Error(`${this.#source.what}: the response starts at byte ${begin}, not at ${from}`))
      return
    }
    // Not every server supports ranges.
    let known = from - begin
    const length = response.headers['content-length']
    if (length !== undefined) this.#sizeBytes ??= begin + Number(length)
    response.on('data', (arrived: Buffer) => {
      const bytes = isReused(arrived) ? Buffer.from(arrived) : arrived
      const unknown = bytes.subarray(Math.min(known, bytes.length))
      known -= bytes.length - unknown.length
      const fresh =
        this.#source.range === undefined
          ? unknown
          : unknown.subarray(0, Math.max(0, (this.#sizeBytes ?? Infinity) - this.#received))
      if (fresh.length === 0) return
      this.#received += fresh.length
      this.#retry = 0
      this.#checksum?.update(fresh)
      if (!this.push(fresh)) response.pause()
    })
    response.on('end', () => {
      if (this.#sizeBytes === undefined || this.#received >= this.#sizeBytes) this.#finish()
      else this.#resume(new Error(`${this.#source.what}: the response was cut off`))
    })
    response.on('error', (error) => {
      // A response without a length may break after its last byte.
      if (this.#received === this.#sizeBytes) this.#finish()
      else this.#resume(error)
    })
  }

  async verify(mostBytes: number, signal: AbortSignal): Promise<void> {
    this.destroy()
    const {expected} = this.#source
    if (this.#checksum === undefined || expected === undefined) return
    const range = {start: this.#received, end: Math.max(this.#received, expected.sizeBytes)}
    const length = range.end - range.start
    if (length > mostBytes) return
    const source = {...this.#source, range}
    const rest = new ObjectStream(this.#connection, source, this.#retries, this.#checksum.state)
    if (length === 0) rest.#finish()
    else rest.attach(await this.#retries.run(() => rest.request(signal), signal))
    await finished(addAbortSignal(signal, rest.resume()))
  }

  override _read(): void {
    this.#response?.resume()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#closed.abort(CLOSED)
    this.#response?.destroy()
    callback(error)
  }

  #finish(): void {
    if (this.#checksum !== undefined && this.#checksum.digest() !== this.#source.expected?.crc32c)
      this.destroy(new TransferError(`${this.#source.what}: the received bytes do not match its checksum`))
    else this.push(null)
  }

  #resume(error: Error): void {
    if (this.destroyed) return
    this.#retry++
    this.#response = undefined
    void this.#retryUntilDone(error)
  }

  /** Never rejects: the stream gets the error. */
  async #retryUntilDone(first: Error): Promise<void> {
    for (let error: unknown = first; ; this.#retry++) {
      try {
        await this.#retries.pause(this.#retry, error, this.#closed.signal)
      } catch {
        this.destroy(error instanceof Error ? error : new Error(String(error)))
        return
      }
      try {
        const response = await this.request()
        if (this.destroyed) response.destroy()
        else this.attach(response)
        return
      } catch (next) {
        error = next
      }
    }
  }
}

/** The offset at which a response starts: 0, unless it is partial. */
function beginOf({statusCode, headers}: IncomingMessage): number {
  const [, first] = /^bytes (\d+)-/.exec(headers['content-range'] ?? '') ?? []
  return statusCode === PARTIAL_CONTENT && first !== undefined ? Number(first) : 0
}
