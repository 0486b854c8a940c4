import {closeSync, read} from 'node:fs'
import type {Socket} from 'node:net'
import {Readable, type Writable} from 'node:stream'
import {beforeRelease} from '../idle-memory.ts'

/** Read in one go: each turn through the thread pool costs as much as some hundred kilobytes. */
const READ_BYTES = 1024 * 1024
/** Kept for the next body, until the process is idle: fresh memory costs as much as reading into it. */
const MOST_FREE = 4
const free: Buffer[] = []
const keep = (buffer: Buffer): void => {
  if (free.length < MOST_FREE && buffer.length === READ_BYTES) free.push(buffer)
}
beforeRelease(() => void free.splice(0))

/** A part of an open file, `start` and `end` inclusive as in HTTP ranges. The file is closed with it. */
export class FileBody extends Readable {
  readonly #descriptor: number
  readonly #end: number
  #position: number
  #reading: Promise<unknown> = Promise.resolve()

  constructor(descriptor: number, {start = 0, end = Infinity}: {start?: number; end?: number} = {}) {
    super({highWaterMark: READ_BYTES})
    this.#descriptor = descriptor
    this.#position = start
    this.#end = end
  }

  /** Writes all that is left to `response`, by memory that is used again. @throws if the file or the connection breaks */
  async sendTo(response: Writable, connection: Socket): Promise<void> {
    // What limits the time that a connection may be silent learns of the body by this.
    response.emit('pipe', this)
    const {promise: broken, reject: breakOff} = Promise.withResolvers<never>()
    const closed = (): void =>
      breakOff(Object.assign(new Error('The connection closed.'), {code: 'ECONNRESET'}))
    // A response that waits for an earlier one of its connection does not learn that it ends.
    connection.once('close', closed)
    broken.catch(() => undefined)
    try {
      let isTaken: Promise<unknown> = Promise.resolve()
      for (;;) {
        const buffer = free.pop() ?? this.#fresh()
        const bytes = await this.#next(buffer)
        // One buffer is read into while the connection takes the other.
        await Promise.race([isTaken, broken])
        if (bytes.length === 0) {
          keep(buffer)
          return
        }
        isTaken = new Promise<void>((resolve, reject) => {
          response.write(bytes, (error) => (error ? reject(error) : resolve()))
        }).then(() => keep(buffer))
        isTaken.catch(() => undefined)
      }
    } finally {
      connection.off('close', closed)
      this.destroy()
    }
  }

  override _read(): void {
    // The reader may keep the chunk, so its memory is not used again.
    this.#next(this.#fresh()).then(
      (bytes) => this.push(bytes.length === 0 ? null : bytes),
      (error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))),
    )
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    void this.#close(() => done(error))
  }

  /** Not while something is read, since another file could get the descriptor. */
  async #close(closed: () => void): Promise<void> {
    await this.#reading
    closeSync(this.#descriptor)
    closed()
  }

  #fresh(): Buffer {
    return Buffer.allocUnsafeSlow(Math.min(READ_BYTES, this.#end - this.#position + 1))
  }

  /** The next bytes of the file, none at its end. */
  async #next(buffer: Buffer): Promise<Buffer> {
    const most = Math.min(buffer.length, this.#end - this.#position + 1)
    if (most === 0) return buffer.subarray(0, 0)
    const reading = new Promise<number>((resolve, reject) => {
      read(this.#descriptor, buffer, 0, most, this.#position, (error, length) =>
        error ? reject(error) : resolve(length),
      )
    })
    this.#reading = reading.catch(() => undefined)
    const length = await reading
    // A reader would wait for the rest.
    if (length === 0 && this.#end !== Infinity)
      throw new Error(`A file ends at byte ${this.#position}, before byte ${this.#end}.`)
    this.#position += length
    return buffer.subarray(0, length)
  }
}
