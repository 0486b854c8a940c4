import {readFileSync} from 'node:fs'
import {createRequire} from 'node:module'
import {dirname, join} from 'node:path'
import {fromProto3JSON} from 'proto3-json-serializer'
import protobuf from 'protobufjs'
import {IAM_CREDENTIALS} from './iam-credentials.ts'
import {isJsonObject, toJsonValue} from './json.ts'

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
  readonly body?: string | undefined
}

/** The methods of a service, as its proto defines them. */
export interface ServiceDescriptor {
  /** Where its proto comes from. */
  readonly source: string
  readonly methods: readonly {
    readonly name: string
    readonly streaming: boolean
    readonly bindings: readonly HttpBinding[]
  }[]
}

export type MethodDescriptor = ServiceDescriptor['methods'][number] & {
  readonly source: string
  readonly service: string
  /** `/google.pubsub.v1.Publisher/Publish` */
  readonly path: string
}

const require = createRequire(import.meta.url)
const SOURCES = join(dirname(require.resolve('google-gax')), '../protos')

/** Descriptors of some services: as they are kept, and as protobufjs reads them, which is slow and therefore deferred. */
interface Descriptors {
  readonly json: () => unknown
  readonly root: () => protobuf.Root
}

const once = <T>(read: () => T): (() => T) => {
  let value: T | undefined
  return () => (value ??= read())
}

/** By what keeps them; of a service in several of them, the first counts. */
const DESCRIPTORS: Readonly<Record<string, Descriptors>> = Object.fromEntries([
  ...PROTO_FILES.map((file) => [file, keptIn(file)] as const),
  ...PROTO_SOURCES.map((file) => [file, definedBy(() => readFileSync(join(SOURCES, file), 'utf8'))] as const),
  ['iam-credentials', definedBy(() => IAM_CREDENTIALS)] as const,
])

function keptIn(file: string): Descriptors {
  const json = (): Record<string, never> => JSON.parse(readFileSync(require.resolve(file), 'utf8'))
  return {json, root: once(() => protobuf.Root.fromJSON(json()))}
}

/** Without what it imports, a source is read quickly; its message types need that too. */
function definedBy(text: () => string): Descriptors {
  return {
    json: () => protobuf.parse(text()).root.toJSON(),
    root: once(() => {
      const {imports = []} = protobuf.parse(text())
      return protobuf.parse(text(), loadSources(...imports)).root
    }),
  }
}

/** The methods of all services that are described, by the service's name, such as `google.pubsub.v1.Publisher`. */
export function describeServices(): Record<string, ServiceDescriptor> {
  return Object.fromEntries(
    Object.entries(DESCRIPTORS)
      .toReversed()
      .flatMap(([source, {json}]) =>
        servicesIn(json()).map(([service, methods]) => [service, {source, methods}]),
      ),
  )
}

/** What a method takes and answers. */
export interface MessageTypes {
  readonly request: protobuf.Type
  readonly response: protobuf.Type
}

const found = new Map<MethodDescriptor, MessageTypes>()

export function messageTypes(method: MethodDescriptor): MessageTypes {
  let types = found.get(method)
  if (types === undefined) {
    const described = DESCRIPTORS[method.source]?.root().lookupService(method.service).methods[method.name]
    described?.resolve()
    const {resolvedRequestType: request, resolvedResponseType: response} = described ?? {}
    if (!request || !response) throw new Error(`${method.path} has no message types.`)
    types = {request, response}
    found.set(method, types)
  }
  return types
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

function servicesIn(json: unknown, path = ''): [string, ServiceDescriptor['methods']][] {
  if (!isJsonObject(json)) return []
  const {methods, nested} = json
  const inner = isJsonObject(nested) ? Object.entries(nested) : []
  const within = inner.flatMap(([name, value]) => servicesIn(value, path === '' ? name : `${path}.${name}`))
  return isJsonObject(methods) ? [[path, Object.entries(methods).map(describeMethod)], ...within] : within
}

function describeMethod([name, method]: [string, unknown]): ServiceDescriptor['methods'][number] {
  const given = isJsonObject(method) ? method : {}
  return {
    name,
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
