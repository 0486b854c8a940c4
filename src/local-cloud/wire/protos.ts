import {readFileSync} from 'node:fs'
import {createRequire} from 'node:module'
import {dirname, join} from 'node:path'
import {fromProto3JSON} from 'proto3-json-serializer'
import protobuf from 'protobufjs'
import {isJsonObject, type JsonObject, toJsonValue} from './json.ts'

/** Where Google's own packages keep the descriptors of their APIs; a test checks that they exist. */
export const PROTO_FILES = [
  '@google-cloud/pubsub-api/build/protos/protos.json',
  '@google-cloud/run/build/protos/protos.json',
  '@google-cloud/logging-api/build/protos/protos.json',
  '@google-cloud/secret-manager/build/protos/protos.json',
] as const

/** Services of Monitoring, of which Google's packages have no descriptors here, as their sources in google-gax. */
export const PROTO_SOURCES = [
  'google/monitoring/v3/alert_service.proto',
  'google/monitoring/v3/notification_service.proto',
] as const

/** One way to call a method over REST (google.api.HttpRule). */
export interface HttpBinding {
  readonly method: string
  /** e.g. `/v1/{name=projects/*\/topics/*}:publish` */
  readonly template: string
  /** `*`: the whole request; a field's name: that field; undefined: no body. */
  readonly body: string | undefined
}

export interface MethodDescriptor {
  readonly name: string
  /** `/google.pubsub.v1.Publisher/Publish` */
  readonly path: string
  readonly requestType: protobuf.Type
  readonly responseType: protobuf.Type
  readonly streaming: boolean
  readonly bindings: readonly HttpBinding[]
}

const require = createRequire(import.meta.url)
const SOURCES = join(dirname(require.resolve('google-gax')), '../protos')

/** A file's descriptors: as they are kept, and as protobufjs reads them, which is slow and therefore deferred. */
interface Descriptors {
  readonly json: unknown
  readonly root: () => protobuf.Root
}
let descriptors: readonly Descriptors[] | undefined

/**
 * The methods of a service such as `google.pubsub.v1.Publisher`. Their message types are read when they are first
 * asked for: a start needs only names and bindings.
 * @param proto that defines it; by default, a package does
 * @throws Error if no descriptor has the service
 */
export function describeService(service: string, proto?: string): MethodDescriptor[] {
  descriptors ??= [
    ...PROTO_FILES.map(readDescriptors),
    ...PROTO_SOURCES.map((file) => readSource(readFileSync(join(SOURCES, file), 'utf8'))),
  ]
  for (const {json, root} of proto === undefined ? descriptors : [readSource(proto)]) {
    const methods = methodsIn(json, service)
    if (methods) return Object.entries(methods).map(([name, method]) => describe(root, service, name, method))
  }
  throw new Error(`No descriptor has the service ${service}.`)
}

function readDescriptors(file: string): Descriptors {
  const text = readFileSync(require.resolve(file), 'utf8')
  let root: protobuf.Root | undefined
  return {json: JSON.parse(text), root: () => (root ??= protobuf.Root.fromJSON(JSON.parse(text)))}
}

/** Without what it imports, a source is read quickly; its message types need that too. */
function readSource(text: string): Descriptors {
  const {root: services, imports = []} = protobuf.parse(text)
  let root: protobuf.Root | undefined
  return {json: services.toJSON(), root: () => (root ??= protobuf.parse(text, loadSources(...imports)).root)}
}

/** What files of google-gax define, with what they import. */
function loadSources(...files: string[]): protobuf.Root {
  const root = new protobuf.Root()
  root.resolvePath = (_origin, target) => join(SOURCES, target)
  return root.loadSync(files)
}

let errors: protobuf.Root | undefined

/** An error as google.rpc.Status, with those of its details that google/rpc/error_details.proto defines. */
export function encodeStatus(code: number, message: string, details: readonly object[]): Buffer {
  errors ??= loadSources('google/rpc/status.proto', 'google/rpc/error_details.proto')
  const type = errors.lookupType('google.rpc.Status')
  const known = details.flatMap((detail) => {
    const json = toJsonValue(detail)
    const name = isJsonObject(json) ? json['@type'] : undefined
    const isKnown =
      typeof name === 'string' && errors?.lookup(name.replace(/^.*\//, '')) instanceof protobuf.Type
    return isKnown ? [json] : []
  })
  return Buffer.from(type.encode(fromProto3JSON(type, {code, message, details: known}) ?? {}).finish())
}

function methodsIn(json: unknown, service: string): JsonObject | undefined {
  let found = json
  for (const part of service.split('.')) {
    const nested = isJsonObject(found) ? found['nested'] : undefined
    found = isJsonObject(nested) ? nested[part] : undefined
  }
  const methods = isJsonObject(found) ? found['methods'] : undefined
  return isJsonObject(methods) ? methods : undefined
}

function describe(
  root: () => protobuf.Root,
  service: string,
  name: string,
  method: unknown,
): MethodDescriptor {
  const given = isJsonObject(method) ? method : {}
  const resolved = (): protobuf.Method => {
    const found = root().lookupService(service).methods[name]
    if (!found) throw new Error(`${service} has no method ${name}.`)
    found.resolve()
    return found
  }
  const required = (type: protobuf.Type | null): protobuf.Type => {
    if (type === null) throw new Error(`${service}.${name} has unresolved types.`)
    return type
  }
  return {
    name,
    path: `/${service}/${name}`,
    get requestType() {
      return required(resolved().resolvedRequestType)
    },
    get responseType() {
      return required(resolved().resolvedResponseType)
    },
    streaming: given['requestStream'] === true || given['responseStream'] === true,
    bindings: httpBindings(given['parsedOptions']),
  }
}

function httpBindings(options: unknown): HttpBinding[] {
  const rules = (Array.isArray(options) ? options : [options]).flatMap((option: unknown) => {
    const rule = isJsonObject(option) ? option['(google.api.http)'] : undefined
    return isJsonObject(rule) ? [rule] : []
  })
  return rules.flatMap((rule) => {
    const additional: unknown = rule['additional_bindings'] ?? []
    return [rule, ...(Array.isArray(additional) ? additional : [additional])].flatMap((binding: unknown) =>
      isJsonObject(binding) ? toBinding(binding) : [],
    )
  })
}

function toBinding(rule: Record<string, unknown>): HttpBinding[] {
  const body = typeof rule['body'] === 'string' ? rule['body'] : undefined
  for (const method of ['get', 'put', 'post', 'delete', 'patch']) {
    const template = rule[method]
    if (typeof template === 'string') return [{method: method.toUpperCase(), template, body}]
  }
  return []
}
