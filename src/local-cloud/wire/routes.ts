import type {IncomingHttpHeaders} from 'node:http'
import type {Readable} from 'node:stream'
import type {Call} from './call.ts'

/** A request to a plain HTTP route (those APIs that have no proto: storage, registry, IAM). */
export interface HttpRequest {
  readonly method: string
  /** Path and query under the origin that the caller used. */
  readonly url: URL
  /** To know that takes no `url`. */
  readonly hasQuery: boolean
  /** Path parameters, percent-decoded. */
  readonly params: Readonly<Record<string, string>>
  readonly headers: IncomingHttpHeaders
  /** The body as it arrives; read it at most once. */
  readonly stream: Readable
  /** The whole body. @throws ApiError INVALID_ARGUMENT above `limitBytes` (default 10 MiB). */
  readonly bytes: (limitBytes?: number) => Promise<Buffer>
  /** The whole body as a JSON object, at once if it has arrived; `{}` if it is empty. @throws ApiError INVALID_ARGUMENT */
  readonly json: () => Record<string, unknown> | Promise<Record<string, unknown>>
  readonly call: Call
}

/** What a route answers. `json` undefined and no `body`: an empty body. */
export interface HttpResponse {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: object
  readonly body?: string | Buffer | Readable
}

/** What a page of another origin asks for. */
interface PageRequest {
  readonly origin: string
  /** The method that it calls, or is about to. */
  readonly method: string
  /** In a preflight: names in lower case of the headers that it is about to send. */
  readonly headers: readonly string[]
}

/** The headers that let a page read an answer; in a preflight, with those that let it ask. `undefined`: it may not. */
export type AllowPage = (
  params: Readonly<Record<string, string>>,
  request: PageRequest,
) => Readonly<Record<string, string>> | undefined

export interface Route {
  readonly method: string
  /** Matched against the raw path, so that an escaped slash stays inside its segment. Named groups are the parameters. */
  readonly pattern: RegExp
  readonly handle: (request: HttpRequest) => Promise<HttpResponse> | HttpResponse
  /** How an error is put into a body here; the default is Google's common form (`ApiError.toJSON`). */
  readonly renderError?: (error: unknown) => HttpResponse
  /** The method's name in its API, which faults are picked by: `google.pubsub.v1.Publisher/Publish`, `storage.objects.get`. */
  readonly name?: string
  /** Whether `Content-Encoding` says how the body is to be stored, not how it travels: then it arrives as it was sent. */
  readonly storesEncoding?: boolean
  /** Which pages of other origins may have its answers; without it, none. */
  readonly allowPage?: AllowPage
  /** Whether it answers after the server was closed: the calls that start the local cloud again. */
  readonly outlivesServer?: boolean
  /** Whether faults leave it alone: the calls that create and remove faults. */
  readonly beyondFaults?: boolean
}

/**
 * A route by a template: `/:name` takes one path segment, `/:name*` takes the rest of the path, slashes included; a
 * colon elsewhere begins a custom verb. `route('POST', '/v1/projects/:project:setIamPolicy', …)`
 */
export function route(
  method: string,
  template: string,
  handle: Route['handle'],
  renderError?: Route['renderError'],
): Route {
  const source = template.replaceAll(
    /(?<=\/):(?<name>[a-zA-Z]+)(?<rest>\*)?|[.*+?^${}()|[\]\\]/g,
    (match, name?: string, rest?: string) => {
      if (name === undefined) return `\\${match}`
      return rest === undefined ? `(?<${name}>[^/]+)` : `(?<${name}>.+)`
    },
  )
  return {method, pattern: new RegExp(`^${source}$`), handle, ...(renderError ? {renderError} : {})}
}
