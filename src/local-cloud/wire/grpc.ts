import {
  type handleBidiStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import type {Socket} from 'node:net'
import {fromProto3JSON, toProto3JSON} from 'proto3-json-serializer'
import protobuf from 'protobufjs'
import type {Call, Principal} from './call.ts'
import {type ApiError, toApiError} from './api-error.ts'
import type {FaultPlan} from './faults.ts'
import {toJsonValue} from './json.ts'
import {encodeStatus, messageTypes, type MethodDescriptor} from './protos.ts'
import type {LoggedRequest, RequestLog} from './request-log.ts'
import {describeService, refuse, type RpcService, type StreamHandler, type UnaryHandler} from './rpc.ts'

/** The largest message either way; above Pub/Sub's 10 MB publish limit. */
const MAX_MESSAGE_BYTES = 20 * 1024 * 1024

export interface GrpcCallers {
  readonly origin: () => string
  /** Who a call with this `authorization` header is. @throws ApiError UNAUTHENTICATED */
  readonly identify: (authorization: string | undefined) => Principal
  /** Aborted when the local cloud stops. */
  readonly stopping: AbortSignal
  readonly faults: FaultPlan | undefined
  readonly requests: RequestLog | undefined
  /** Resets the connection of a peer, `address:port`, and with it all calls on it. */
  readonly breakConnection: (peer: string) => void
}

export interface GrpcServer {
  take(socket: Socket): void
  close(): void
}

/** A peer that no longer answers is let go after both times. */
const KEEPALIVE_MS = 60_000
const KEEPALIVE_TIMEOUT_MS = 20_000
/** A connection without a call ends after this; clients reconnect automatically. */
const IDLE_MS = 300_000
const MAX_CONCURRENT_STREAMS = 1000

/** gRPC for the services, over connections that are handed to it; methods that they leave out answer UNIMPLEMENTED. */
export function createGrpcServer(services: readonly RpcService[], callers: GrpcCallers): GrpcServer {
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_concurrent_streams': MAX_CONCURRENT_STREAMS,
    'grpc.max_connection_idle_ms': IDLE_MS,
    'grpc.keepalive_time_ms': KEEPALIVE_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    // Unused per-call statistics, in a registry that keeps every server.
    'grpc.enable_channelz': 0,
  })
  for (const {service, unary, streams} of services) {
    const definition: Record<string, ServiceDefinition[string]> = {}
    const implementation: UntypedServiceImplementation = {}
    for (const method of describeService(service)) {
      const stream = streams?.[method.name] ?? (method.streaming ? () => refuse(method) : undefined)
      implementation[method.name] = stream
        ? serveStream(method, stream, callers)
        : serveUnary(method, unary[method.name] ?? (() => refuse(method)), callers)
      definition[method.name] = definitionOf(method, stream !== undefined)
    }
    server.addService(definition, implementation)
  }
  refuseOthers(server, callers)
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
  return {
    take: (socket) => injector.injectConnection(socket),
    close: () => server.forceShutdown(),
  }
}

/** Calls of services that no proto here describes are refused like any other call, and so recorded: grpc-js has no hook for them. */
function refuseOthers(server: Server, callers: GrpcCallers): void {
  const handlers: unknown = Reflect.get(server, 'handlers')
  if (!(handlers instanceof Map)) return
  const find = handlers.get.bind(handlers)
  const untouched = (message: unknown): unknown => message
  handlers.get = (path: string) =>
    find(path) ?? {
      type: 'bidi',
      path,
      func: serveStream({path}, () => refuse({path}), callers),
      serialize: untouched,
      deserialize: untouched,
    }
}

/** Messages cross as protobuf and are proto3 JSON inside. */
function definitionOf(method: MethodDescriptor, streams: boolean): ServiceDefinition[string] {
  const serialize = (type: () => protobuf.Type) => (json: object) => {
    const message = fromProto3JSON(type(), toJsonValue(json)) ?? {}
    return Buffer.from(type().encode(message).finish())
  }
  const deserialize = (type: () => protobuf.Type) => (bytes: Buffer) =>
    withoutAbsent(type(), toProto3JSON(type().decode(bytes)))
  const request = (): protobuf.Type => messageTypes(method).request
  const response = (): protobuf.Type => messageTypes(method).response
  return {
    path: method.path,
    requestStream: streams,
    responseStream: streams,
    requestSerialize: serialize(request),
    requestDeserialize: deserialize(request),
    responseSerialize: serialize(response),
    responseDeserialize: deserialize(response),
  }
}

function serveUnary(
  method: MethodDescriptor,
  handler: UnaryHandler<never, object>,
  callers: GrpcCallers,
): handleUnaryCall<object, object> {
  return (call, callback) => {
    const abort = new AbortController()
    call.on('cancelled', () => abort.abort())
    const answer = async (context: Call): Promise<object> => {
      const fault = faultOf(method, call.getPeer(), context, callers)
      await fault.before()
      const response = await handler(decoded(call.request), context)
      await fault.after()
      return response
    }
    logged(call.metadata, abort.signal, method, callers, answer).then(
      (response) => callback(null, response),
      (error: unknown) => callback(statusOf(toApiError(error))),
    )
  }
}

function serveStream(
  method: Pick<MethodDescriptor, 'path'>,
  handler: StreamHandler<never, object>,
  callers: GrpcCallers,
): handleBidiStreamingCall<object, object> {
  return (call) => {
    const abort = new AbortController()
    call.on('cancelled', () => abort.abort())
    call.on('error', () => abort.abort())
    const pump = async (context: Call): Promise<void> => {
      const fault = faultOf(method, call.getPeer(), context, callers)
      await fault.before()
      for await (const response of handler(decodedEach(call), context)) {
        if (abort.signal.aborted) return
        await fault.after()
        if (!call.write(response))
          await new Promise<void>((resolve) => {
            call.once('drain', resolve)
            abort.signal.addEventListener('abort', () => resolve(), {once: true})
          })
      }
    }
    logged(call.metadata, abort.signal, method, callers, pump).then(
      () => call.end(),
      (error: unknown) => call.emit('error', statusOf(toApiError(error))),
    )
  }
}

/** Does the work of a call and records it. */
async function logged<T>(
  metadata: Metadata,
  cancelled: AbortSignal,
  {path}: Pick<MethodDescriptor, 'path'>,
  callers: GrpcCallers,
  work: (context: Call) => Promise<T>,
): Promise<T> {
  let context: Call
  try {
    context = callOf(metadata, cancelled, callers)
  } catch (error) {
    const {status} = toApiError(error)
    callers.requests?.refused({principal: 'allUsers', method: 'gRPC', path, status}, error)
    throw error
  }
  const {principal} = context
  const status = (end: {value: T} | {error: unknown}): LoggedRequest['status'] =>
    'value' in end ? 'OK' : toApiError(end.error).status
  return callers.requests
    ? callers.requests.within({principal, method: 'gRPC', path}, () => work(context), status)
    : work(context)
}

/** What goes wrong on purpose. Messages are whole here: bytes of the request mean before its work, of the answer after it. */
function faultOf(
  {path}: Pick<MethodDescriptor, 'path'>,
  peer: string,
  {principal, signal}: Call,
  {faults, breakConnection}: GrpcCallers,
): {before(): Promise<void>; after(): Promise<void>} {
  const fault = faults?.find({name: path.slice(1), method: 'POST', path, principal, retryTestId: undefined})
  const carryOut = async (): Promise<void> => {
    if (fault?.take() === true)
      await faults?.carryOut(fault.action, {signal, breakConnection: () => breakConnection(peer)})
  }
  const late = fault?.afterResponseBytes !== undefined
  return {
    before: async () => (late ? undefined : carryOut()),
    after: async () => (late ? carryOut() : undefined),
  }
}

/**
 * Without what has no presence in protobuf, and so was not said: empty maps, which decoding makes, and scalars and enums
 * at their default, which some clients write out, such as a service that was read, changed and sent back.
 */
function withoutAbsent(type: protobuf.Type, json: unknown): unknown {
  if (typeof json !== 'object' || json === null || type.fullName.startsWith('.google.protobuf.')) return json
  const kept = Object.entries(json).flatMap(([name, value]: [string, unknown]): [string, unknown][] => {
    const field = type.fields[name]
    if (field instanceof protobuf.MapField)
      return typeof value === 'object' && value !== null && Object.keys(value).length === 0
        ? []
        : [[name, value]]
    const nested = field?.resolvedType
    if (nested instanceof protobuf.Type) {
      const inner = (entry: unknown): unknown => withoutAbsent(nested, entry)
      return [[name, Array.isArray(value) ? value.map(inner) : inner(value)]]
    }
    return field !== undefined && isImplicitDefault(field, value) ? [] : [[name, value]]
  })
  return Object.fromEntries(kept)
}

/** https://protobuf.dev/programming-guides/field_presence/: neither `optional` nor of a oneof, and at its default. */
function isImplicitDefault(field: protobuf.Field, value: unknown): boolean {
  if (field.repeated || field.partOf !== null) return false
  if (field.resolvedType instanceof protobuf.Enum) return value === field.resolvedType.valuesById[0]
  return value === '' || value === 0 || value === '0' || value === false
}

/** What gRPC hands over was decoded by the method's own request type, which is what its handler declares to take. */
function decoded(request: unknown): never {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- decoded by the method's descriptor
  return request as never
}

async function* decodedEach(requests: AsyncIterable<unknown>): AsyncIterable<never> {
  for await (const request of requests) yield decoded(request)
}

function callOf(metadata: Metadata, cancelled: AbortSignal, {origin, identify, stopping}: GrpcCallers): Call {
  const authorization = metadata.get('authorization')[0]
  return {
    principal: identify(typeof authorization === 'string' ? authorization : undefined),
    signal: AbortSignal.any([cancelled, stopping]),
    origin: origin(),
  }
}

function statusOf(error: ApiError): {code: number; details: string; metadata: Metadata} {
  const metadata = new Metadata()
  if (error.details.length > 0)
    metadata.set('grpc-status-details-bin', encodeStatus(error.grpcCode, error.message, error.details))
  return {code: error.grpcCode, details: error.message, metadata}
}
