import {connect} from 'node:net'
import type {Duplex} from 'node:stream'

/** Connects a client of the forward proxy with a port of the local cloud's own (RFC 9110, 9.3.6). */
export function tunnel(client: Duplex, head: Buffer, port: number): void {
  const own = connect(port, '127.0.0.1', () => {
    client.write('HTTP/1.1 200 Connection established\r\n\r\n')
    own.write(head)
    client.pipe(own).pipe(client)
  })
  // Either end takes the other with it.
  own.on('error', () => client.destroy())
  own.on('close', () => client.destroy())
  client.on('error', () => own.destroy())
  client.on('close', () => own.destroy())
}
