import {readFileSync} from 'node:fs'
import {createRequire} from 'node:module'
import protobuf from 'protobufjs'
import {isJsonObject} from './json.ts'

/** Where Google's own packages keep the descriptors of their APIs; a test checks that they are there. */
export const PROTO_FILES = [
  '@google-cloud/pubsub-api/build/protos/protos.json',
  '@google-cloud/run/build/protos/protos.json',
  '@google-cloud/logging-api/build/protos/protos.json',
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
let roots: readonly protobuf.Root[] | undefined

/** @returns the methods of a service such as `google.pubsub.v1.Publisher`. @throws Error where no descriptor has it */
export function describeService(service: string): MethodDescriptor[] {
  roots ??= PROTO_FILES.map((file) =>
    protobuf.Root.fromJSON(JSON.parse(readFileSync(require.resolve(file), 'utf8'))),
  )
  for (const root of roots) {
    const found = root.lookup(service)
    if (!(found instanceof protobuf.Service)) continue
    return found.methodsArray.map((method) => {
      method.resolve()
      if (!method.resolvedRequestType || !method.resolvedResponseType)
        throw new Error(`${service}.${method.name} has unresolved types`)
      return {
        name: method.name,
        path: `/${service}/${method.name}`,
        requestType: method.resolvedRequestType,
        responseType: method.resolvedResponseType,
        streaming: method.requestStream === true || method.responseStream === true,
        bindings: httpBindings(method),
      }
    })
  }
  throw new Error(`No descriptor has the service ${service}.`)
}

function httpBindings(method: protobuf.Method): HttpBinding[] {
  const options: unknown = method.parsedOptions
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
