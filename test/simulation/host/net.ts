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

interface Destination {
  readonly port: number
  readonly onread?: {
    readonly buffer: Uint8Array
    readonly callback: (length: number, buffer: Uint8Array) => boolean
  }
}

export function connect(to: number | Destination): Socket {
  if (typeof to === 'number') return connectPort(to)
  const {port, onread} = to
  const socket = connectPort(port)
  if (onread !== undefined)
    socket.on('data', (bytes: Buffer) => {
      for (let at = 0; at < bytes.length; at += onread.buffer.length) {
        const part = bytes.subarray(at, at + onread.buffer.length)
        onread.buffer.set(part)
        onread.callback(part.length, onread.buffer)
      }
    })
  return socket
}
