import protobuf from 'protobufjs'
import {ApiError} from './api-error.ts'
import {checkMessage, fieldOf} from './field-checks.ts'
import {isJsonObject} from './json.ts'
import {type HttpBinding, messageTypes, type MethodDescriptor} from './protos.ts'
import type {HttpRequest} from './routes.ts'

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
 * The message that a REST call of a method says, checked; at once if the body has arrived.
 * @param fields that the variables of the path fill
 * @throws ApiError INVALID_ARGUMENT
 */
export function requestMessage(
  method: MethodDescriptor,
  binding: HttpBinding,
  fields: readonly string[][],
  request: HttpRequest,
): object | Promise<object> {
  if (binding.body === undefined) return messageOf(method, {}, fields, request)
  const {body} = binding
  const complete = (json: Record<string, unknown>): object =>
    messageOf(method, body === '*' ? json : {[body]: json}, fields, request)
  const json = request.json()
  return json instanceof Promise ? json.then(complete) : complete(json)
}

function messageOf(
  method: MethodDescriptor,
  json: Record<string, unknown>,
  fields: readonly string[][],
  request: HttpRequest,
): object {
  const type = messageTypes(method).request
  if (request.hasQuery)
    for (const [name, value] of request.url.searchParams) {
      if (SYSTEM_PARAMETERS.has(name)) continue
      setPath(type, json, name.split('.'), value)
    }
  let index = 0
  for (const path of fields) setPath(type, json, path, request.params[`v${index++}`] ?? '')
  return checkMessage(type, json)
}

/** Sets a field given in path or query; names may be nested, repeated fields collect. */
function setPath(
  type: protobuf.Type,
  json: Record<string, unknown>,
  path: readonly string[],
  value: string,
  at = 0,
): void {
  const name = path[at] ?? ''
  const field = fieldOf(type, name)
  if (!field)
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Invalid JSON payload received. Unknown name "${path.join('.')}": Cannot bind query parameter. Field '${path.join('.')}' could not be found in request message.`,
    )
  field.resolve()
  const key = name in json ? name : field.name
  if (at + 1 < path.length && field.resolvedType instanceof protobuf.Type) {
    const child = json[key]
    const nested: Record<string, unknown> = isJsonObject(child) ? child : {}
    json[key] = nested
    setPath(field.resolvedType, nested, path, value, at + 1)
  } else if (field.repeated) {
    const list = json[key]
    json[key] = [...(Array.isArray(list) ? list : []), value]
  } else json[key] = value
}
