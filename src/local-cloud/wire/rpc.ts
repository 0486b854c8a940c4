import type {Call} from './call.ts'

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
  /** Its proto, if no package here has it. */
  readonly proto?: string
  readonly unary: Readonly<Record<string, UnaryHandler<never, object>>>
  readonly streams?: Readonly<Record<string, StreamHandler<never, object>>>
}
