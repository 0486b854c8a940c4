import type {Route} from './routes.ts'
import type {MethodDescriptor} from './protos.ts'
import {refuse, type UnaryHandler} from './rpc.ts'

let requestMessages: Promise<typeof import('./request-message.ts')> | undefined

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
        if (!handler) refuse(method)
        // To import it again would cost as much as all else here.
        requestMessages ??= import('./request-message.ts')
        // A body that came with the headers has arrived after this.
        const {requestMessage} = await requestMessages
        const read = requestMessage(method, binding, fields, request)
        // To wait for what is there costs as much as to read it.
        const message = read instanceof Promise ? await read : read
        // The message was checked against the request's type, which is what the handler declares to take.
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked against the descriptor just above
        return {json: await handler(message as never, request.call)}
      },
    }
  })
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
