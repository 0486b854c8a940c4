import type {IncomingMessage} from 'node:http'
import {Readable} from 'node:stream'
import {finished} from 'node:stream/promises'
import {createGunzip} from 'node:zlib'
import {PermanentError} from '../../processor.ts'
import {type Checksums, checksumFor} from './checksum.ts'
import type {Connection} from './connection.ts'
import {TransferError} from './errors.ts'
import type {Retries} from './retry.ts'

const PARTIAL_CONTENT = 206

/** What is read of one generation of an object. */
export interface Download {
  readonly path: string
  readonly what: string
  /** The bytes are compared with these at their end. */
  readonly expected: (Checksums & {readonly sizeBytes: number}) | undefined
}

/**
 * Reads an object's bytes as they are stored; a broken connection is opened again and continues where it ended. Errors
 * of the stream are {@link TransferError} for wrong bytes, PermanentError for right ones that cannot be unpacked, and
 * what the connection throws.
 * @param signal ends the wait for the first answer; from then on the stream is to be destroyed
 * @returns a stream that has its first answer, unpacked where the object has the content encoding gzip
 * @throws StorageError, such as 404
 */
export async function download(
  connection: Connection,
  source: Download,
  retries: Retries,
  signal: AbortSignal | undefined,
): Promise<Readable> {
  const stream = new ObjectStream(connection, source, retries)
  const response = await retries.run(() => stream.request(signal), signal)
  stream.attach(response)
  if (response.headers['content-encoding'] !== 'gzip') return stream
  return unpack(stream, source.what)
}

/** The bytes unpacked; where they are those that are stored and yet no gzip, it ends with a PermanentError. */
function unpack(packed: Readable, what: string): Readable {
  const unpacked = createGunzip()
  packed.on('error', (error) => unpacked.destroy(error))
  packed.on('close', () => {
    if (!packed.readableEnded) unpacked.destroy()
  })
  // Seen by the reader; it may come before there is one.
  unpacked.on('error', () => {})
  packed.pipe(unpacked)
  const explained = async function* (): AsyncGenerator<Buffer> {
    try {
      yield* unpacked
    } catch (error) {
      const {code}: {code?: unknown} = Object(error)
      if (code !== 'Z_DATA_ERROR' && code !== 'Z_BUF_ERROR') throw error
      // They may have been changed on their way: the checksum tells at their end.
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
  return stream
}

class ObjectStream extends Readable {
  readonly #connection: Connection
  readonly #source: Download
  readonly #retries: Retries
  readonly #checksum: ReturnType<typeof checksumFor>
  readonly #closed = new AbortController()
  #response: IncomingMessage | undefined
  /** Of the stored bytes; undefined where no answer has told it. */
  #sizeBytes: number | undefined
  #received = 0
  /** Repetitions since bytes came last. */
  #retry = 0

  constructor(connection: Connection, source: Download, retries: Retries) {
    super({highWaterMark: 256 * 1024})
    this.#connection = connection
    this.#source = source
    this.#retries = retries
    this.#checksum = source.expected === undefined ? undefined : checksumFor(source.expected)
    this.#sizeBytes = source.expected?.sizeBytes
  }

  /** Asks for what is missing. */
  request(signal: AbortSignal = this.#closed.signal): Promise<IncomingMessage> {
    const {path, what} = this.#source
    const from = this.#received
    // Packed as stored, else there were no checksum to compare with, and no place to go on from.
    const headers = {'accept-encoding': 'gzip', ...(from > 0 ? {range: `bytes=${from}-`} : {})}
    return this.#connection.send({method: 'GET', path, what, headers, signal})
  }

  attach(response: IncomingMessage): void {
    this.#response = response
    const begin = beginOf(response)
    if (begin > this.#received) {
      response.destroy()
      this.destroy(new Error(`${this.#source.what}: bytes from ${begin} on came, not from ${this.#received}`))
      return
    }
    // Not all that can serve an object can serve a part of it.
    let known = this.#received - begin
    const length = response.headers['content-length']
    if (length !== undefined) this.#sizeBytes ??= begin + Number(length)
    response.on('data', (bytes: Buffer) => {
      const news = bytes.subarray(Math.min(known, bytes.length))
      known -= bytes.length - news.length
      if (news.length === 0) return
      this.#received += news.length
      this.#retry = 0
      this.#checksum?.update(news)
      if (!this.push(news)) response.pause()
    })
    response.on('end', () => {
      if (this.#sizeBytes === undefined || this.#received >= this.#sizeBytes) this.#finish()
      else this.#goOn(new Error(`${this.#source.what}: the answer was cut off`))
    })
    response.on('error', (error) => {
      // An answer without a length may break after its last byte.
      if (this.#received === this.#sizeBytes) this.#finish()
      else this.#goOn(error)
    })
  }

  override _read(): void {
    this.#response?.resume()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#closed.abort()
    this.#response?.destroy()
    callback(error)
  }

  #finish(): void {
    const checksum = this.#checksum
    if (checksum !== undefined && checksum.digest() !== checksum.expected)
      this.destroy(new TransferError(`${this.#source.what}: the bytes that came do not have its checksum`))
    else this.push(null)
  }

  #goOn(error: Error): void {
    if (this.destroyed) return
    this.#retry++
    this.#response = undefined
    void this.#again(error)
  }

  /** Never rejects: the stream has the error. */
  async #again(first: Error): Promise<void> {
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

/** The place in the object that an answer begins at: the beginning, unless it says that it is a part. */
function beginOf({statusCode, headers}: IncomingMessage): number {
  const [, first] = /^bytes (\d+)-/.exec(headers['content-range'] ?? '') ?? []
  return statusCode === PARTIAL_CONTENT && first !== undefined ? Number(first) : 0
}
