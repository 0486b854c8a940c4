import {ApiError} from './api-error.ts'
import type {Call} from './call.ts'
import type {MethodDescriptor} from './protos.ts'
import {SERVICES} from './services.ts'

/**
 * One RPC, written once for both wires. Requests and answers are proto3 JSON: camelCase names, int64 and bytes as
 * text, enums by name, durations like `600s`, absent where nothing was sent. A request has been checked against its
 * message type before the handler sees it.
 */
export type UnaryHandler<Request, Response> = (request: Request, call: Call) => Response | Promise<Response>

/** A bidirectional stream (gRPC only). Ends when the returned iterable ends. */
export type StreamHandler<Request, Response> = (
  requests: AsyncIterable<Request>,
  call: Call,
) => AsyncIterable<Response>

/** The implementation of one service of Google's protos. Methods that are left out answer UNIMPLEMENTED. */
export interface RpcService {
  /** Full name, e.g. `google.pubsub.v1.Publisher`. */
  readonly service: string
  readonly unary: Readonly<Record<string, UnaryHandler<never, object>>>
  readonly streams?: Readonly<Record<string, StreamHandler<never, object>>>
}

/** @throws ApiError UNIMPLEMENTED, always */
export function refuse({path}: Pick<MethodDescriptor, 'path'>): never {
  throw new ApiError('UNIMPLEMENTED', `${path.slice(1)} is not served by the local cloud.`)
}

/** @throws Error if no proto here has the service */
export function describeService(service: string): MethodDescriptor[] {
  const found = SERVICES[service]
  if (found === undefined) throw new Error(`No descriptor has the service ${service}.`)
  const {source, methods} = found
  return methods.map((method) => ({...method, source, service, path: `/${service}/${method.name}`}))
}
