import {connect as connectPort, Server} from '../listener.ts'
import {Socket} from '../socket.ts'

/** In place of `node:net`. */
export {BlockList, isIP, isIPv4, isIPv6} from 'node:net'
export {Server, Socket}

type Accept = (socket: Socket) => void

function isAccept(first: Accept | object | undefined): first is Accept {
  return typeof first === 'function'
}

export function createServer(first?: Accept | object, second?: Accept): Server {
  return new Server(isAccept(first) ? first : second)
}

export function connect(to: number | {readonly port: number}): Socket {
  return connectPort(typeof to === 'number' ? to : to.port)
}
