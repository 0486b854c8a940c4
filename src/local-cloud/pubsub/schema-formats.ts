import protobuf from 'protobufjs'
import {ApiError} from '../wire/api-error.ts'
import {checkMessage} from '../wire/field-checks.ts'

export type SchemaType = 'AVRO' | 'PROTOCOL_BUFFER'
export type Encoding = 'JSON' | 'BINARY'

/** Throws if the bytes are not a message of the schema in that encoding. */
export type MessageCheck = (data: Buffer, encoding: Encoding) => void

/**
 * Reads the definition of a schema: https://cloud.google.com/pubsub/docs/schemas#schema-definition-format
 * @throws ApiError INVALID_ARGUMENT for one that cannot be read
 */
export async function readDefinition(type: SchemaType, definition: string): Promise<MessageCheck> {
  const read = type === 'AVRO' ? await loadAvro() : readProtocolBuffer
  try {
    return read(definition)
  } catch (error) {
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Invalid schema definition: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

async function loadAvro(): Promise<(definition: string) => MessageCheck> {
  const {default: avro} = await import('avsc')
  return (definition) => {
    const type = avro.Type.forSchema(JSON.parse(definition))
    if (type.typeName !== 'record') throw new Error('it is not a record.')
    return (data, encoding) =>
      void (encoding === 'JSON' ? type.fromString(data.toString('utf8')) : type.fromBuffer(data))
  }
}

function readProtocolBuffer(definition: string): MessageCheck {
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
