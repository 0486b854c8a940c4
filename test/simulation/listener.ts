import {EventEmitter} from 'node:events'
import {failure, type Network, theNetwork} from './network.ts'
import {Socket} from './socket.ts'
import {theProcess, theWorld} from './world.ts'

const FIRST_FREE_PORT = 30_000

const ports = new WeakMap<Network, Map<number, Server>>()

function portsOfNetwork(): Map<number, Server> {
  const known = ports.get(theNetwork()) ?? new Map<number, Server>()
  ports.set(theNetwork(), known)
  return known
}

/** @returns the port, for 0 the next free one. @throws Error EADDRINUSE */
function listen(server: Server, port: number): number {
  const taken = portsOfNetwork()
  let chosen = port
  if (port === 0) for (chosen = FIRST_FREE_PORT; taken.has(chosen);) chosen += 1
  if (taken.has(chosen)) throw failure('EADDRINUSE', `listen EADDRINUSE: port ${port}`)
  taken.set(chosen, server)
  theProcess()?.onEnd.push(() => release(server, chosen))
  return chosen
}

function release(server: Server, port: number): void {
  if (portsOfNetwork().get(port) === server) portsOfNetwork().delete(port)
}

/** Takes connections at a port. */
export class Server extends EventEmitter {
  readonly #process = theProcess()
  readonly #sockets = new Set<Socket>()
  readonly allowHalfOpen: boolean
  #port: number | undefined
  #isClosing = false

  constructor(accept?: (socket: Socket) => void, allowHalfOpen = false) {
    super()
    this.allowHalfOpen = allowHalfOpen
    if (accept !== undefined) this.on('connection', accept)
  }

  listen(port: number, ...rest: unknown[]): this {
    const listening = rest.find((each) => typeof each === 'function')
    if (typeof listening === 'function') this.once('listening', () => Reflect.apply(listening, this, []))
    theWorld().schedule(0, () => {
      try {
        this.#port = listen(this, port)
        this.emit('listening')
      } catch (error) {
        this.emit('error', error)
      }
    })
    return this
  }

  get listening(): boolean {
    return this.#port !== undefined
  }

  address(): {address: string; family: string; port: number} | null {
    return this.#port === undefined ? null : {address: '127.0.0.1', family: 'IPv4', port: this.#port}
  }

  close(closed?: () => void): this {
    if (this.#port !== undefined) release(this, this.#port)
    this.#port = undefined
    this.#isClosing = true
    if (closed !== undefined) this.once('close', closed)
    this.#closeIfDrained()
    return this
  }

  /** Takes a connection, in the process that listens. */
  accept(socket: Socket, connected: (end: Socket) => void): void {
    theWorld().schedule(
      0,
      () => {
        const end = new Socket({
          localPort: socket.remotePort,
          remotePort: socket.localPort,
          allowHalfOpen: this.allowHalfOpen,
        })
        this.#sockets.add(end)
        end.once('close', () => {
          this.#sockets.delete(end)
          this.#closeIfDrained()
        })
        connected(end)
        this.emit('connection', end)
      },
      this.#process,
    )
  }

  #closeIfDrained(): void {
    if (!this.#isClosing || this.#sockets.size > 0) return
    theWorld().schedule(0, () => this.emit('close'))
  }
}

/** Opens a connection to a port of this machine. */
export function connect(port: number): Socket {
  const world = theWorld()
  const socket = new Socket({localPort: world.whole(40_000, 65_000), remotePort: port})
  const process = theProcess()
  world.schedule(
    theNetwork().weather.delayMs(),
    () => {
      const server = portsOfNetwork().get(port)
      if (server === undefined) {
        world.schedule(
          0,
          () => socket.destroy(failure('ECONNREFUSED', `connect ECONNREFUSED 127.0.0.1:${port}`)),
          process,
        )
        return
      }
      server.accept(socket, (end) => {
        Socket.join(socket, end)
        world.schedule(0, () => (socket.destroyed ? undefined : socket.emit('connect')), process)
      })
    },
    'world',
  )
  return socket
}
