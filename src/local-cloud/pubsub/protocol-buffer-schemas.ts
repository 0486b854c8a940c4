import protobuf from 'protobufjs'
import {checkMessage} from '../wire/field-checks.ts'

export type Encoding = 'JSON' | 'BINARY'

/** Throws if the bytes are not a message of the schema in that encoding. */
export type MessageCheck = (data: Buffer, encoding: Encoding) => void

/** @throws Error if it defines anything but one message */
export function readProtocolBuffer(definition: string): MessageCheck {
  const {root, imports = []} = protobuf.parse(definition, {keepCase: true})
  if (imports.length > 0) throw new Error(`it imports ${imports.join(', ')}.`)
  const types = messagesIn(root)
  const [type] = types
  if (type === undefined || types.length > 1)
    throw new Error(`it has ${types.length} messages at its top level instead of one.`)
  root.resolveAll()
  return (data, encoding) => {
    if (encoding === 'JSON') checkMessage(type, JSON.parse(data.toString('utf8')))
    // The reader of Node's buffers takes texts that end too early.
    else type.decode(new protobuf.Reader(new Uint8Array(data)))
  }
}

/** Those that are not inside others, in whatever package they are. */
function messagesIn(namespace: protobuf.NamespaceBase): protobuf.Type[] {
  return namespace.nestedArray.flatMap((each) =>
    each instanceof protobuf.Type ? [each] : each instanceof protobuf.Namespace ? messagesIn(each) : [],
  )
}
