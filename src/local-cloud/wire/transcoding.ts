import protobuf from 'protobufjs'
import {ApiError} from './api-error.ts'
import {checkMessage, fieldOf} from './field-checks.ts'
import type {HttpBinding, MethodDescriptor} from './protos.ts'
import {type HttpRequest, type Route} from './routes.ts'
import type {UnaryHandler} from './rpc.ts'
import {isJsonObject} from './json.ts'

/** Query parameters of Google's front end that are not fields of the request (developers.google.com: system parameters). */
const SYSTEM_PARAMETERS = new Set([
  'alt',
  '$alt',
  'key',
  'fields',
  'prettyPrint',
  '$prettyPrint',
  'access_token',
  'oauth_token',
  'quotaUser',
  'uploadType',
  'upload_protocol',
  'callback',
  '$.xgafv',
  '$httpMethod',
])

/**
 * REST routes of one method, derived from its `google.api.http` bindings (HTTP/JSON transcoding as described in
 * google/api/http.proto). Without a handler they answer UNIMPLEMENTED with the method's name.
 */
export function transcode(
  method: MethodDescriptor,
  handler: UnaryHandler<never, object> | undefined,
): Route[] {
  return method.bindings.map((binding) => {
    const {pattern, fields} = compileTemplate(binding.template)
    return {
      method: binding.method,
      pattern,
      name: method.path.slice(1),
      async handle(request) {
        if (!handler)
          throw new ApiError('UNIMPLEMENTED', `${method.path.slice(1)} is not served by the local cloud.`)
        const message = await requestMessage(method.requestType, binding, fields, request)
        // The message was checked against the request's type, which is what the handler declares to take.
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked against the descriptor just above
        return {json: await handler(message as never, request.call)}
      },
    }
  })
}

async function requestMessage(
  type: protobuf.Type,
  binding: HttpBinding,
  fields: readonly string[][],
  request: HttpRequest,
): Promise<object> {
  let json: Record<string, unknown> = {}
  if (binding.body === '*') json = await request.json()
  else if (binding.body !== undefined) json[binding.body] = await request.json()
  for (const [name, value] of request.url.searchParams) {
    if (SYSTEM_PARAMETERS.has(name)) continue
    setPath(type, json, name.split('.'), value)
  }
  for (const [index, path] of fields.entries()) setPath(type, json, path, request.params[`v${index}`] ?? '')
  return checkMessage(type, json)
}

/** Sets a field given in path or query; names may be nested, repeated fields collect. */
function setPath(
  type: protobuf.Type,
  json: Record<string, unknown>,
  path: readonly string[],
  value: string,
): void {
  const [name = '', ...rest] = path
  const field = fieldOf(type, name)
  if (!field)
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Invalid JSON payload received. Unknown name "${path.join('.')}": Cannot bind query parameter. Field '${path.join('.')}' could not be found in request message.`,
    )
  field.resolve()
  const key = name in json ? name : field.name
  if (rest.length > 0 && field.resolvedType instanceof protobuf.Type) {
    const child = json[key]
    const nested: Record<string, unknown> = isJsonObject(child) ? child : {}
    json[key] = nested
    setPath(field.resolvedType, nested, rest, value)
  } else if (field.repeated) {
    const list = json[key]
    json[key] = [...(Array.isArray(list) ? list : []), value]
  } else json[key] = value
}

/** `/v1/{name=projects/*\/topics/*}:publish` as a pattern, with the field path that each variable fills. */
export function compileTemplate(template: string): {pattern: RegExp; fields: string[][]} {
  const fields: string[][] = []
  const source = template.replaceAll(
    /\{([^}=]+)(?:=([^}]+))?\}|[^{]+/g,
    (part, name?: string, segments?: string) => {
      if (name === undefined) return escape(part)
      fields.push(name.split('.'))
      const inner = (segments ?? '*')
        .split('/')
        .map((segment) => (segment === '**' ? '.+' : segment === '*' ? '[^/:]+' : escape(segment)))
      return `(?<v${fields.length - 1}>${inner.join('/')})`
    },
  )
  return {pattern: new RegExp(`^${source}$`), fields}
}

const escape = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
