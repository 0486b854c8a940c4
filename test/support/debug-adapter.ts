import {once} from 'node:events'
import {connect} from 'node:net'

interface Message {
  readonly type?: string
  readonly request_seq?: number
  readonly event?: string
  readonly body?: Readonly<Record<string, unknown>>
  readonly success?: boolean
  readonly message?: string
}

/** A session of a debug adapter, over TCP (microsoft.github.io/debug-adapter-protocol). */
export interface AdapterSession extends Disposable {
  /** Sends a request. @returns the body of its response */
  readonly send: (command: string, args?: object) => Promise<Readonly<Record<string, unknown>>>
  /** The body of the next event of this name, from now on. */
  readonly next: (event: string) => Promise<Readonly<Record<string, unknown>>>
}

/** @param address `HOST:PORT` */
export async function attachAdapter(address: string): Promise<AdapterSession> {
  const [host = '', port = ''] = address.split(':')
  const socket = connect(Number(port), host)
  const waiting = new Map<number | string, (message: Message) => void>()
  let received = Buffer.alloc(0)
  socket.on('data', (bytes: Buffer) => {
    received = Buffer.concat([received, bytes])
    for (;;) {
      const headEnd = received.indexOf('\r\n\r\n')
      if (headEnd < 0) return
      const [, length = '0'] = /content-length: (\d+)/i.exec(received.toString('latin1', 0, headEnd)) ?? []
      const end = headEnd + 4 + Number(length)
      if (received.length < end) return
      const message: Message = JSON.parse(received.toString('utf8', headEnd + 4, end))
      received = received.subarray(end)
      const key = message.type === 'event' ? (message.event ?? '') : (message.request_seq ?? '')
      waiting.get(key)?.(message)
      waiting.delete(key)
    }
  })
  await once(socket, 'connect')
  let last = 0
  return {
    async send(command, args = {}) {
      last += 1
      const seq = last
      const content = JSON.stringify({seq, type: 'request', command, arguments: args})
      socket.write(`Content-Length: ${Buffer.byteLength(content)}\r\n\r\n${content}`)
      const {success, message, body = {}} = await new Promise<Message>((resolve) => waiting.set(seq, resolve))
      if (success !== true) throw new Error(`${command}: ${message}`)
      return body
    },
    next: async (event) => (await new Promise<Message>((resolve) => waiting.set(event, resolve))).body ?? {},
    [Symbol.dispose]: () => socket.destroy(),
  }
}
