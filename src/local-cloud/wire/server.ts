import type {Server as HttpServer} from 'node:http'
import {createServer, type Server as NetServer, type Socket} from 'node:net'
import {type Admit, admitLoopback, admitProxied, isGoogleHost, type OnOutsideCall} from './admission.ts'
import type {Principal} from './call.ts'
import type {Certificate} from './certificate.ts'
import type {FaultPlan} from './faults.ts'
import type {GrpcServer} from './grpc.ts'
import {createHttpServer, type HttpCallers} from './http.ts'
import type {RequestLog} from './request-log.ts'
import type {Route} from './routes.ts'
import {describeService, type RpcService} from './rpc.ts'
import {transcode} from './transcoding.ts'

/** How long a connection may stay silent before its first byte. */
const SILENCE_LIMIT_MS = 30_000
const LOOPBACK = '127.0.0.1'
/** What an HTTP/2 connection begins with (RFC 9113, 3.4). */
const HTTP2_PREFACE = 'PRI'

/** A port on 127.0.0.1 that speaks gRPC and REST. */
export interface Listener {
  readonly origin: string
  readonly port: number
  /** Accepts no more connections and closes the open ones; requests in progress are aborted. */
  close(): Promise<void>
}

export interface ServerOptions {
  readonly routes: readonly Route[]
  /** Routes that match nearly any path: asked when no other matches. */
  readonly lastRoutes?: readonly Route[]
  readonly services: readonly RpcService[]
  /** Called with the local cloud's internal errors. */
  readonly report: (error: unknown) => void
  readonly onOutsideCall?: OnOutsideCall
  /** Who answers for a host of its own over TLS, as a service of Cloud Run has one. */
  readonly hosted?: Hosted
  /** What goes wrong on purpose. */
  readonly faults?: FaultPlan
  /** Where requests are recorded. */
  readonly requests?: RequestLog
}

export interface Server {
  /**
   * Opens one more port for the same APIs.
   * @param port 0 takes a free one
   * @param identify who a call with this `authorization` header is
   */
  listen(port: number, identify: Identify): Promise<Listener>
  /**
   * Opens a port on another address than loopback's.
   * @param host `0.0.0.0` for all of this machine's
   * @param identify must refuse callers without credentials
   */
  listenBeyond(host: string, port: number, identify: Identify): Promise<Listener>
  /**
   * Opens a forward proxy, which serves the same APIs as `http://….googleapis.com` and refuses every other host.
   * @param port 0 takes a free one
   */
  listenAsProxy(port: number, identify: Identify): Promise<Listener>
  /**
   * Opens a port that speaks both over TLS, as this machine and as Google's hosts. A client that can speak HTTP/1.1 does.
   * @param port 0 takes a free one
   */
  listenTls(port: number, identify: Identify, certificate: Certificate): Promise<Listener>
}

type Hosted = (host: string) => HttpServer | undefined
type Identify = (authorization: string | undefined) => Principal

/** Puts the routes and services on both wires; REST routes of the services come from their protos. */
export function createServerOf({
  routes,
  lastRoutes = [],
  services,
  report,
  onOutsideCall = () => {},
  hosted = () => undefined,
  faults,
  requests,
}: ServerOptions): Server {
  const transcoded = services.flatMap(({service, unary}) =>
    describeService(service).flatMap((method) => transcode(method, unary[method.name])),
  )
  const all = [...routes, ...transcoded, ...lastRoutes]

  const tlsPorts = new Set<number>()
  const ownTlsPort = (authority: string): number | undefined => {
    const asked = Number(/^(?:127\.0\.0\.1|localhost):(?<port>\d+)$/.exec(authority)?.groups?.['port'])
    const [first] = tlsPorts
    if (tlsPorts.has(asked)) return asked
    return isGoogleHost(authority, 443) || hosted(authority.replace(/:443$/, '')) ? first : undefined
  }
  /** Calls from other machines, whose credentials are not checked by then, are not this machine's outside calls. */
  const unlisted: OnOutsideCall = () => {}

  async function open(
    port: number,
    identify: Identify,
    admit: Admit,
    {
      certificate,
      host = LOOPBACK,
      tunnelTo = () => undefined,
      onTunnelRefused = onOutsideCall,
    }: {
      certificate?: Certificate
      host?: string
      tunnelTo?: HttpCallers['tunnelTo']
      onTunnelRefused?: OnOutsideCall
    } = {},
  ): Promise<Listener> {
    const stopping = new AbortController()
    const sockets = new Set<Socket>()
    let isSpared = false
    const http = createHttpServer(all, {
      admit,
      identify,
      stopping: stopping.signal,
      spare(socket) {
        isSpared = sockets.delete(socket)
      },
      report,
      tunnelTo,
      onTunnelRefused,
      faults,
      requests,
    })
    // It never listens itself, and looks after its connections only once it does.
    http.emit('listening')
    let grpc: Promise<GrpcServer> | undefined
    // Most processes never meet a client that speaks gRPC.
    const startGrpc = async (): Promise<GrpcServer> => {
      const {createGrpcServer} = await import('./grpc.ts')
      return createGrpcServer(services, {
        identify,
        stopping: stopping.signal,
        origin: () => origin,
        faults,
        requests,
        breakConnection(peer) {
          for (const socket of sockets)
            if (`${socket.remoteAddress}:${socket.remotePort}` === peer) socket.resetAndDestroy()
        },
      })
    }
    const injectGrpc = (socket: Socket): void => {
      grpc ??= startGrpc()
      grpc.then(
        (server) => (socket.destroyed ? undefined : server.take(socket)),
        (error: unknown) => {
          report(error)
          socket.destroy()
        },
      )
    }
    const listener = serverOf(certificate, hosted, (socket, servername) => {
      socket.on('error', () => socket.destroy())
      const other = hosted(servername)
      if (other) other.emit('connection', socket)
      else tellApart(socket, http, injectGrpc)
    })
    // Under TLS these exist before the connection does.
    listener.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    })
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject)
      listener.listen(port, host, resolve)
    })
    const address = listener.address()
    const actualPort = typeof address === 'object' && address !== null ? address.port : port
    if (certificate) tlsPorts.add(actualPort)
    const origin = `${certificate ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${actualPort}`
    return {
      origin,
      port: actualPort,
      async close() {
        tlsPorts.delete(actualPort)
        stopping.abort(new Error('The local cloud stops.'))
        const closed = new Promise<void>((resolve) => listener.close(() => resolve()))
        await grpc?.then(
          (server) => server.close(),
          () => undefined,
        )
        http.close()
        await new Promise((resolve) => setImmediate(resolve))
        for (const socket of sockets) socket.destroy()
        if (!isSpared) await closed
      },
    }
  }

  return {
    listen: (port, identify) => open(port, identify, admitLoopback(onOutsideCall)),
    listenBeyond: (host, port, identify) =>
      open(port, identify, admitLoopback(unlisted, {byAnyName: true}), {host, onTunnelRefused: unlisted}),
    listenAsProxy: (port, identify) =>
      open(port, identify, admitProxied(onOutsideCall), {tunnelTo: ownTlsPort}),
    listenTls: (port, identify, certificate) =>
      open(port, identify, admitLoopback(onOutsideCall, {asGoogle: true}), {certificate}),
  }
}

function serverOf(
  certificate: Certificate | undefined,
  hosted: Hosted,
  accept: (socket: Socket, host: string) => void,
): NetServer {
  if (certificate === undefined) return createServer((socket) => accept(socket, ''))
  let tls: NetServer | undefined
  return createServer((socket) => {
    socket.on('error', () => socket.destroy())
    tls ??= createTlsServer(certificate, hosted, accept)
    tls.emit('connection', socket)
  })
}

/** It never listens itself: TLS is loaded by the first connection. */
function createTlsServer(
  certificate: Certificate,
  hosted: Hosted,
  accept: (socket: Socket, host: string) => void,
): NetServer {
  const {createSecureContext, createServer: create} = process.getBuiltinModule('node:tls')
  return create(
    {
      key: certificate.key,
      cert: certificate.certificate,
      handshakeTimeout: SILENCE_LIMIT_MS,
      // No wildcard covers Cloud Run's hosts of every region.
      SNICallback(host, use) {
        const {key, certificateOf} = certificate
        use(null, hosted(host) && createSecureContext({key, cert: certificateOf(host)}))
      },
      // HTTP/2 is gRPC's here.
      ALPNCallback: ({protocols}) => ['http/1.1', 'h2'].find((each) => protocols.includes(each)),
    },
    (socket) => accept(socket, socket.servername || ''),
  )
}

/** The first bytes distinguish HTTP/2 from HTTP/1.1; silent connections are closed. */
function tellApart(socket: Socket, http: HttpServer, injectGrpc: (socket: Socket) => void): void {
  const silence = setTimeout(() => socket.destroy(), SILENCE_LIMIT_MS)
  silence.unref()
  socket.once('close', () => clearTimeout(silence))
  const decide = (): void => {
    const head: unknown = socket.read()
    if (!Buffer.isBuffer(head)) return
    const start = head.subarray(0, HTTP2_PREFACE.length).toString('latin1')
    socket.unshift(head)
    if (start.length < HTTP2_PREFACE.length && HTTP2_PREFACE.startsWith(start)) return
    clearTimeout(silence)
    socket.off('readable', decide)
    if (start === HTTP2_PREFACE) injectGrpc(socket)
    else {
      http.emit('connection', socket)
      socket.resume()
    }
  }
  socket.on('readable', decide)
}
