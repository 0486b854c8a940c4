import type {IncomingMessage} from 'node:http'
import {Readable} from 'node:stream'
import {createGunzip} from 'node:zlib'
import {type Checksums, checksumFor} from './checksum.ts'
import type {Connection} from './connection.ts'
import {TransferError} from './errors.ts'
import type {Retries} from './retry.ts'

/** What is read of one generation of an object. */
export interface Download {
  readonly path: string
  readonly what: string
  /** The bytes are compared with these at their end. */
  readonly checksums: Checksums | undefined
}

/**
 * Reads an object's bytes as they are stored; a connection that breaks is made again and goes on where it ended. Errors
 * of the stream are {@link TransferError} for wrong bytes and what the connection throws.
 * @returns a stream that has its first answer, unpacked where the object has the content encoding gzip
 * @throws StorageError, such as 404
 */
export async function download(
  connection: Connection,
  source: Download,
  retries: Retries,
): Promise<Readable> {
  const stream = new ObjectStream(connection, source, retries)
  const response = await retries.run(() => stream.request())
  stream.attach(response)
  if (response.headers['content-encoding'] !== 'gzip') return stream
  const unpacked = createGunzip()
  stream.on('error', (error) => unpacked.destroy(error))
  unpacked.on('close', () => stream.destroy())
  return stream.pipe(unpacked)
}

class ObjectStream extends Readable {
  readonly #connection: Connection
  readonly #source: Download
  readonly #retries: Retries
  readonly #checksum: ReturnType<typeof checksumFor>
  #response: IncomingMessage | undefined
  #received = 0
  /** Repetitions since bytes came last. */
  #retry = 0

  constructor(connection: Connection, source: Download, retries: Retries) {
    super({highWaterMark: 256 * 1024})
    this.#connection = connection
    this.#source = source
    this.#retries = retries
    this.#checksum = source.checksums === undefined ? undefined : checksumFor(source.checksums)
  }

  request(): Promise<IncomingMessage> {
    const {path, what} = this.#source
    const from = this.#received
    // Packed as stored, else there were no checksum to compare with, and no place to go on from.
    const headers = {'accept-encoding': 'gzip', ...(from > 0 ? {range: `bytes=${from}-`} : {})}
    return this.#connection.send({method: 'GET', path, what, headers})
  }

  attach(response: IncomingMessage): void {
    this.#response = response
    const length = Number(response.headers['content-length'])
    let left = Number.isNaN(length) ? undefined : length
    response.on('data', (bytes: Buffer) => {
      this.#received += bytes.length
      this.#retry = 0
      if (left !== undefined) left -= bytes.length
      this.#checksum?.update(bytes)
      if (!this.push(bytes)) response.pause()
    })
    response.on('end', () => {
      if (left === undefined || left === 0) this.#finish()
      else this.#goOn(new Error(`${this.#source.what}: the answer was cut off`))
    })
    response.on('error', (error) => this.#goOn(error))
  }

  override _read(): void {
    this.#response?.resume()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
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
        await this.#retries.pause(this.#retry, error, undefined)
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
