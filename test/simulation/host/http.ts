import {
  Agent as RealAgent,
  type ClientRequest,
  createServer as createRealServer,
  type IncomingMessage,
  request as requestReally,
  type RequestOptions,
  Server as RealServer,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import type {Duplex} from 'node:stream'
import {connect, Server as Listener} from '../listener.ts'
import {theProcess} from '../world.ts'

/** In place of `node:http`: Node's own, over the simulated network. */
export * from 'node:http'

export class Agent extends RealAgent {
  override createConnection(options: {port?: number | string | null}): ReturnType<typeof connect> {
    return connect(Number(options.port ?? 80))
  }
}

export function request(
  first: URL | RequestOptions,
  ...rest: [] | [RequestOptions] | [RequestOptions, (response: IncomingMessage) => void]
): ClientRequest {
  const [options = {}, onResponse] = first instanceof URL ? rest : [first]
  const own = {
    ...options,
    // What Node takes instead of an agent that it is to do without.
    _defaultAgent: new Agent(),
    agent: options.agent ?? new Agent(),
  }
  return first instanceof URL ? requestReally(first, own, onResponse) : requestReally(own, onResponse)
}

type Serve = (request: IncomingMessage, response: ServerResponse) => void

/** Gives Node's server its connections from the simulated network. */
export function createServer(options: ServerOptions, serve: Serve): RealServer {
  const server = createRealServer(options, serve)
  const listener = new Listener((socket) => server.emit('connection', socket), true)
  const close = server.close.bind(server)
  const open = new Set<Duplex>()
  const busy = new Set<Duplex>()
  server.on('connection', (socket: Duplex) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  server.prependListener('request', ({socket}, response) => {
    busy.add(socket)
    response.once('close', () => busy.delete(socket))
  })
  const end = (which: (socket: Duplex) => boolean): void => {
    for (const socket of open) if (which(socket)) socket.destroy()
  }
  // Node's own take connections in the order of their addresses in memory, which differs from run to run.
  server.closeIdleConnections = () => end((socket) => !busy.has(socket))
  server.closeAllConnections = () => end(() => true)
  listener.on('listening', () => server.emit('listening'))
  listener.on('error', (error) => server.emit('error', error))
  // Node looks after the connections from time to time, by real time, as long as the server is open.
  theProcess()?.onEnd.push(() => close())
  return Object.assign(server, {
    listen(where: number | {port: number}, ...more: unknown[]) {
      listener.listen(typeof where === 'number' ? where : where.port, ...more)
      return server
    },
    address: () => listener.address(),
    close(closed?: () => void) {
      close()
      if (listener.listening) listener.close(closed)
      return server
    },
  })
}
