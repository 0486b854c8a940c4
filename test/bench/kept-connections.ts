import {once} from 'node:events'
import {connect, createServer, type Socket} from 'node:net'

/** An HTTP message with a body of a stated length. */
interface Message {
  readonly start: string
  readonly body: string
}

/** A client that keeps its connections, each with one request at a time. It reads answers with a `Content-Length` alone. */
export class Client implements Disposable {
  readonly #origin: URL
  readonly #idle: Connection[] = []
  readonly #all: Connection[] = []

  constructor(origin: string) {
    this.#origin = new URL(origin)
  }

  async call(method: string, path: string, body: string): Promise<{status: number; text: string}> {
    const connection = this.#idle.pop() ?? this.#connect()
    const {start, body: text} = await connection.exchange(
      `${method} ${path} HTTP/1.1\r\nhost: ${this.#origin.host}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )
    this.#idle.push(connection)
    return {status: Number(start.split(' ')[1]), text}
  }

  #connect(): Connection {
    const connection = new Connection(connect(Number(this.#origin.port), this.#origin.hostname))
    this.#all.push(connection)
    return connection
  }

  [Symbol.dispose](): void {
    for (const connection of this.#all) connection.socket.destroy()
  }
}

class Connection {
  readonly socket: Socket
  #answered: PromiseWithResolvers<Message> | undefined

  constructor(socket: Socket) {
    this.socket = socket
    onEachMessage(socket, (message) => this.#answered?.resolve(message))
    socket.on('close', () => this.#answered?.reject(new Error('The server closed the connection.')))
  }

  exchange(request: string): Promise<Message> {
    this.#answered = Promise.withResolvers()
    this.socket.write(request)
    return this.#answered.promise
  }
}

/** A server on a free port of 127.0.0.1 that answers each request with 204. */
export async function startEndpoint(
  receive: (body: string) => void,
): Promise<AsyncDisposable & {readonly url: string}> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    onEachMessage(socket, ({body}) => {
      socket.write('HTTP/1.1 204 No Content\r\n\r\n')
      receive(body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function onEachMessage(socket: Socket, receive: (message: Message) => void): void {
  let text = ''
  socket.setNoDelay(true)
  // A peer that is ended may reset its connections.
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    for (;;) {
      const endOfHead = text.indexOf('\r\n\r\n')
      if (endOfHead === -1) return
      const length = /^content-length: *(?<length>\d+)/im.exec(text.slice(0, endOfHead))?.groups?.['length']
      if (length === undefined) {
        socket.destroy(new Error(`A message without a length: ${text}`))
        return
      }
      const end = endOfHead + 4 + Number(length)
      if (text.length < end) return
      const message = {start: text.slice(0, text.indexOf('\r\n')), body: text.slice(endOfHead + 4, end)}
      text = text.slice(end)
      receive(message)
    }
  })
}
