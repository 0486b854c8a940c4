import {Duplex} from 'node:stream'
import {failure, theNetwork} from './network.ts'
import {type SimulatedProcess, theProcess, theWorld, type World} from './world.ts'

/** One end of a connection. */
export class Socket extends Duplex {
  connecting = true
  readonly remoteAddress = '127.0.0.1'
  readonly remotePort: number
  readonly localAddress = '127.0.0.1'
  readonly localPort: number
  bytesWritten = 0
  readonly #world: World = theWorld()
  readonly #process: SimulatedProcess | undefined = theProcess()
  #peer: Socket | undefined
  /** When the last piece that was sent arrives: they keep their order. */
  #lastArrival = 0
  #silence: {clear: () => void} | undefined
  #silenceMs = 0
  #isReset = false
  readonly #unsent: (() => void)[] = []

  constructor({
    localPort = 0,
    remotePort = 0,
    allowHalfOpen = false,
  }: {
    localPort?: number
    remotePort?: number
    allowHalfOpen?: boolean
  } = {}) {
    super({allowHalfOpen, emitClose: true})
    this.localPort = localPort
    this.remotePort = remotePort
    this.#process?.onEnd.push(() => {
      this.#send((peer) => peer.#hangUp(this.#world.chance(0.5)))
      this.#world.schedule(0, () => this.#closeParser(), 'world')
    })
  }

  /** Connects the two ends. */
  static join(one: Socket, other: Socket): void {
    one.#peer = other
    other.#peer = one
    for (const end of [one, other]) {
      end.connecting = false
      end.#unsent.splice(0).forEach((send) => send())
    }
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#transmit(chunk, done)
  }

  override _writev(chunks: {chunk: Buffer}[], done: () => void): void {
    this.#transmit(Buffer.concat(chunks.map(({chunk}) => chunk)), done)
  }

  #transmit(chunk: Buffer, done: () => void): void {
    this.bytesWritten += chunk.length
    this.#touch()
    const bytes = Buffer.from(chunk)
    const send = (): void => {
      if (theNetwork().weather.breaks()) {
        this.#world.log(`network: connection ${this.localPort}-${this.remotePort} breaks`)
        this.#send((peer) => peer.#hangUp(true))
        this.#world.schedule(0, () => this.#hangUp(true), this.#process)
        done()
        return
      }
      this.#send((peer) => peer.#receive(bytes))
      done()
    }
    if (this.#peer === undefined) this.#unsent.push(send)
    else send()
  }

  override _final(done: (error?: Error) => void): void {
    const send = (): void => {
      this.#send((peer) => peer.#hangUp(false))
      done()
    }
    if (this.#peer === undefined) this.#unsent.push(send)
    else send()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#silence?.clear()
    const isReset = this.#isReset
    this.#send((peer) => peer.#hangUp(isReset))
    done(error)
  }

  setTimeout(ms: number, action?: () => void): this {
    this.#silenceMs = ms
    if (action !== undefined) this.once('timeout', action)
    this.#touch()
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  address(): {address: string; port: number} {
    return {address: this.localAddress, port: this.localPort}
  }

  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  resetAndDestroy(): this {
    this.#isReset = true
    return this.destroy()
  }

  /** Does something at the other end, after everything that was sent before. */
  #send(action: (peer: Socket) => void): void {
    const peer = this.#peer
    if (peer === undefined) return
    const arrival = Math.max(this.#lastArrival, this.#world.now + theNetwork().weather.delayMs())
    this.#lastArrival = arrival
    this.#world.schedule(arrival - this.#world.now, () => action(peer), peer.#process)
  }

  #receive(bytes: Buffer): void {
    if (this.destroyed) {
      this.#send((peer) => peer.#hangUp(true))
      return
    }
    this.#touch()
    this.push(bytes)
  }

  #hangUp(isReset: boolean): void {
    if (this.destroyed) return
    if (isReset) this.destroy(failure('ECONNRESET', 'read ECONNRESET'))
    else if (!this.readableEnded) {
      this.push(null)
      this.read(0)
    }
  }

  /** Node never collects the parser of an open connection, nor what its process had: close it, unless Node still uses it. */
  #closeParser(): void {
    const parser: unknown = Reflect.get(this, 'parser')
    if (typeof parser !== 'object' || parser === null || !('close' in parser)) return
    if (typeof parser.close === 'function') Reflect.apply(parser.close, parser, [])
  }

  /** Starts to count silence from now. */
  #touch(): void {
    this.#silence?.clear()
    if (this.#silenceMs > 0 && !this.destroyed)
      this.#silence = this.#world.schedule(this.#silenceMs, () => this.emit('timeout'), this.#process)
  }
}
