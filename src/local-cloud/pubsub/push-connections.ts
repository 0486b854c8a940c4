import {connect, isIP, type Socket} from 'node:net'
import {unescape} from 'node:querystring'
import {codeOf} from '../system-error.ts'
import type {PushRequest} from './push-request.ts'

/** https://cloud.google.com/pubsub/docs/push#receive_push; redirects are not followed. */
const ACKNOWLEDGING = new Set([102, 200, 201, 202, 204])
/** Reads no more of a response than this; the connection is dropped instead. */
const LONGEST_ANSWER = 64 * 1024
/** What every connection reads into: it is taken out at once. */
const READ_BUFFER = Buffer.alloc(16 * 1024)

/** `stale`: the server closed a kept-alive connection just as it was reused. */
type Outcome = 'acknowledged' | 'refused' | 'stale'

/** A delivery on its way. */
export interface Push {
  /** Breaks it off, which counts as refused. */
  abort(): void
}

/**
 * Connections to push endpoints, kept open between messages. They speak HTTP/1.1 themselves: of each response only the
 * status counts, and what `node:http` makes of a request and its response costs more than everything else in a delivery.
 */
export class PushConnections implements Disposable {
  readonly #idle = new Map<string, Connection[]>()
  readonly #open = new Set<Connection>()

  /** @param settle called once, later, with whether the endpoint acknowledged the message */
  post(endpoint: URL, request: PushRequest, settle: (isAcknowledged: boolean) => void): Push {
    let connection: Connection | undefined
    let isAborted = false
    const send = (fresh: boolean): void => {
      const using = (fresh ? undefined : this.#idle.get(endpoint.origin)?.pop()) ?? this.#connect(endpoint)
      connection = using
      using.send(endpoint, request, (outcome) => {
        // From now on it may carry another delivery.
        connection = undefined
        // Not the message's fault.
        if (outcome === 'stale' && !isAborted) send(true)
        else settle(outcome === 'acknowledged')
      })
    }
    send(false)
    return {
      abort() {
        isAborted = true
        connection?.abort()
      },
    }
  }

  #connect(endpoint: URL): Connection {
    const idle = this.#idle.get(endpoint.origin) ?? []
    this.#idle.set(endpoint.origin, idle)
    const connection: Connection = new Connection(endpoint, {
      idle: () => idle.push(connection),
      closed: () => {
        this.#open.delete(connection)
        const at = idle.indexOf(connection)
        if (at !== -1) idle.splice(at, 1)
      },
    })
    this.#open.add(connection)
    return connection
  }

  [Symbol.dispose](): void {
    for (const connection of this.#open) connection.abort()
  }
}

/** One connection, with one request at a time. */
class Connection {
  readonly #socket: Socket
  readonly #idle: () => void
  #settle: ((outcome: Outcome) => void) | undefined
  /** What has arrived of the present response. */
  #text = ''
  #isBusy = false
  #isReused = false

  constructor(endpoint: URL, {idle, closed}: {idle: () => void; closed: () => void}) {
    this.#idle = idle
    this.#socket = open(endpoint, (text) => {
      this.#text += text
      this.#read()
    })
    this.#socket.setNoDelay(true)
    let code: string | undefined = 'ECONNRESET'
    this.#socket.on('error', (error) => {
      code = codeOf(error)
    })
    this.#socket.on('close', () => {
      closed()
      const isReset = this.#text === '' && (code === 'ECONNRESET' || code === 'EPIPE')
      this.#end(isReset && this.#isReused ? 'stale' : 'refused')
    })
  }

  send(endpoint: URL, {headers, body}: PushRequest, settle: (outcome: Outcome) => void): void {
    this.#settle = settle
    this.#isBusy = true
    this.#socket.ref()
    const {line, credentials} = starts.get(endpoint) ?? startOf(endpoint)
    const head = `${line}${headers.startsWith('authorization: ') ? '' : credentials}${headers}\r\n`
    if (typeof body === 'string') this.#socket.write(head + body)
    else this.#socket.write(Buffer.concat([Buffer.from(head, 'latin1'), body]))
  }

  abort(): void {
    this.#end('refused')
    this.#socket.destroy()
  }

  #end(outcome: Outcome): void {
    const settle = this.#settle
    this.#settle = undefined
    settle?.(outcome)
  }

  #read(): void {
    for (;;) {
      const endOfHead = this.#text.indexOf('\r\n\r\n')
      const head = this.#text.slice(0, endOfHead)
      const status = Number(/^HTTP\/1\.[01] (\d{3})\b/.exec(head)?.[1])
      const isTooLong = this.#text.length > LONGEST_ANSWER
      if (!this.#isBusy || (endOfHead === -1 ? isTooLong : !(status >= 100))) break
      if (endOfHead === -1) return
      const outcome = ACKNOWLEDGING.has(status) ? 'acknowledged' : 'refused'
      if (status < 200) {
        if (outcome === 'acknowledged') this.#end(outcome)
        this.#text = this.#text.slice(endOfHead + 4)
        continue
      }
      const end = endOfBody(status, head, this.#text)
      const isKept = this.#text.length === end && !/^HTTP\/1\.0|^connection:.*\bclose\b/im.test(head)
      if (isKept) {
        this.#text = ''
        this.#isBusy = false
        this.#isReused = true
        // As long as nothing is on its way, it does not keep the process.
        this.#socket.unref()
        this.#idle()
      }
      // The next delivery may follow at once, on this connection.
      this.#end(outcome)
      if (isKept || (this.#text.length < end && !isTooLong)) return
      break
    }
    this.abort()
  }
}

function open({protocol, hostname, port}: URL, receive: (text: string) => void): Socket {
  const host = hostname.replace(/^\[|\]$/g, '')
  if (protocol !== 'https:') {
    const callback = (length: number): boolean => {
      receive(READ_BUFFER.toString('latin1', 0, length))
      return true
    }
    return connect({host, port: Number(port || 80), onread: {buffer: READ_BUFFER, callback}})
  }
  // Loaded here, since most subscriptions push to this machine.
  const tls = process.getBuiltinModule('node:tls')
  const socket = tls.connect({
    host,
    port: Number(port || 443),
    ...(isIP(host) === 0 ? {servername: host} : {}),
  })
  return socket.on('data', (chunk) => receive(chunk.toString('latin1')))
}

/** What heads for an endpoint have in common; each part of a URL costs something to read. */
const starts = new WeakMap<URL, {readonly line: string; readonly credentials: string}>()

function startOf(endpoint: URL): {readonly line: string; readonly credentials: string} {
  const {host, pathname, search, username, password} = endpoint
  const credentials = Buffer.from(unescape(`${username}:${password}`)).toString('base64')
  const start = {
    line: `POST ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`,
    credentials: username === '' ? '' : `authorization: Basic ${credentials}\r\n`,
  }
  starts.set(endpoint, start)
  return start
}

/** Where a response ends, if that is known already (RFC 9112, 6.3). */
function endOfBody(status: number, head: string, text: string): number {
  const start = head.length + 4
  if (status === 204 || status === 304) return start
  if (/^transfer-encoding:.*\bchunked\b/im.test(head)) return endOfChunks(text, start)
  const length = /^content-length:[ \t]*(\d+)[ \t]*$/im.exec(head)?.[1]
  return length === undefined ? Infinity : start + Number(length)
}

function endOfChunks(text: string, start: number): number {
  let at = start
  for (;;) {
    const endOfLine = text.indexOf('\r\n', at)
    if (endOfLine === -1) return Infinity
    const size = Number.parseInt(text.slice(at, endOfLine), 16)
    if (size === 0) {
      const endOfTrailers = text.indexOf('\r\n\r\n', endOfLine)
      return endOfTrailers === -1 ? Infinity : endOfTrailers + 4
    }
    // What is no chunk is more than the response has, so that the connection ends.
    if (!(size > 0)) return 0
    at = endOfLine + 2 + size + 2
  }
}
